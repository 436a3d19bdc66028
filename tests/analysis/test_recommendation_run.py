"""What runs make of what the types find: one row each, savings that never exceed the cost, and a life cycle."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from costpulse_assets.analysis.recommendation_run import final_window, find, merge, update_recommendations
from costpulse_assets.analysis.recommendation_status import accept, dismiss, done
from costpulse_assets.analysis.recommendation_types import RecommendationType, Threshold
from costpulse_assets.errors import DatabaseRefused, InvariantBroken
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from tests.analysis.recommendation_books import LAST, TODAY, WINDOW, Advice, Found, noon, put, settings
from tests.conftest import database as database_of_its_own

IDLE, SIZE = Found("600"), Found("300", type="right_size_cluster", acts_on="size")


@pytest.fixture
def advice(database_url: str) -> Advice:
    advice = Advice(Database(database_url))
    advice.bill(days=[LAST, LAST + timedelta(days=20)])
    return advice


@pytest.fixture(scope="module")
def shared(postgres_server: str, migrated_template: str) -> Iterator[Advice]:
    """A database for tests that put in and roll back."""
    with database_of_its_own(postgres_server, template=migrated_template) as url:
        yield Advice(Database(url))


def savings(advice: Advice) -> dict[tuple[str, str], Decimal]:
    return {(row["resource_id"], row["type"]): row["estimated_savings"] for row in advice.rows()}


def test_what_acts_on_different_things_multiplies_and_the_largest_counts_in_full(advice: Advice) -> None:
    advice.run(IDLE, SIZE)
    assert savings(advice) == {("c1", "idle_cluster"): Decimal(600), ("c1", "right_size_cluster"): Decimal(120)}
    assert [row["standalone_savings"] for row in advice.rows()] == [600, 300]


def test_of_types_that_act_on_the_same_only_the_best_counts(advice: Advice) -> None:
    advice.run(IDLE, Found("599", type="auto_termination"), Found("590", type="weekend_and_night"))
    assert savings(advice) == {
        ("c1", "idle_cluster"): 600,
        ("c1", "auto_termination"): 0,
        ("c1", "weekend_and_night"): 0,
    }


def test_jobs_of_one_cluster_add_up_but_not_beyond_its_cost(advice: Advice) -> None:
    jobs = [
        Found(saving, "100", "jobs_on_all_purpose", "price", job, "c1", "job", "cluster")
        for job, saving in (("a", "50"), ("b", "40"), ("c", "30"))
    ]
    advice.run(*jobs)
    assert [row["estimated_savings"] for row in advice.rows()] == [50, 40, 10]


def test_resources_of_equal_id_in_two_workspaces_or_of_two_kinds_have_nothing_to_do_with_each_other(
    advice: Advice,
) -> None:
    advice.run(
        IDLE,
        Found("500", workspace="200"),
        Found("400", workspace=None),
        Found("300", resource_type="warehouse", type="warehouse_auto_stop"),
    )
    assert sorted(row["estimated_savings"] for row in advice.rows()) == [300, 400, 500, 600]


_money = st.decimals("0.000000000000000001", "1e9", places=18)


@st.composite
def _found(draw: st.DrawFn) -> list[Found]:
    """Rows of a few bearers, any number of types and resources on each, with awkward digits."""
    rows: list[Found] = []
    for bearer in range(draw(st.integers(1, 3))):
        cost = draw(_money)
        kinds = st.tuples(
            st.sampled_from(["idle time", "size", "price", "failures", "existence"]), st.sampled_from("abc")
        )
        for number, (acts_on, letter) in enumerate(draw(st.lists(kinds, min_size=1, max_size=7))):
            saving = draw(st.one_of(st.just(cost), st.decimals("0.000000000000000001", cost, places=18)))
            rows.append(
                Found(str(saving), str(cost), f"{acts_on} {letter}", acts_on, f"{bearer}.{number}", f"b{bearer}", "job")
            )
    return rows


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_found())
def test_combined_savings_are_never_above_the_cost_nor_the_sum_nor_below_the_largest(
    shared: Advice, rows: list[Found]
) -> None:
    free = settings(recommendation_minimum_saving=0)
    with shared.database.transaction() as connection:
        connection.execute("delete from costpulse.daily_costs")
        connection.execute(
            "insert into costpulse.daily_costs (usage_date, sku_name, product, usage_unit, usage_quantity, cost_usd, "
            "unpriced_quantity, record_count) values (%s, 'SKU', 'JOBS', 'DBU', 1, %s, 0, 1)",
            [LAST, sum({row.bearer: Decimal(row.cost) for row in rows}.values())],
        )
        find(connection, [], WINDOW, today=TODAY)
        put(connection, rows)
        merge(connection, free, WINDOW, {}, now=noon(TODAY))
        stored = connection.execute("select * from costpulse.recommendations").fetchall()
        connection.rollback()
    assert len(stored) == len(rows)
    of_bearer = defaultdict(list)
    for row in stored:
        of_bearer[row["bearer_id"]].append(row)
    for found in of_bearer.values():
        cost = Fraction(found[0]["resource_cost_usd"])
        parts = [Fraction(row["estimated_savings"]) for row in found]
        alone = [Fraction(row["standalone_savings"]) for row in found]
        assert max(alone) <= sum(parts) <= min(cost, sum(alone))
        assert all(0 <= part <= single for part, single in zip(parts, alone, strict=True))
        # By the definition, in fractions.
        groups: dict[str, Fraction] = defaultdict(Fraction)
        types: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for row, single in zip(found, alone, strict=True):
            types[row["acts_on"], row["type"]] += single
        for (acts_on, _), together in types.items():
            groups[acts_on] = max(groups[acts_on], min(together, cost))
        left = Fraction(1)
        for saving in groups.values():
            left *= 1 - saving / cost
        assert abs(sum(parts) - cost * (1 - left)) <= Fraction(1, 10**18)


def test_a_run_that_would_save_more_than_was_spent_writes_nothing(database_url: str) -> None:
    advice = Advice(Database(database_url))
    advice.bill("599")
    with pytest.raises(InvariantBroken, match="would save more than is spent"):
        advice.run(IDLE)
    assert advice.rows() == []


@pytest.mark.parametrize(
    ("saving", "cost", "severity"),
    [
        ("2000", "8000", "critical"),
        ("2000", "8001", "high"),
        ("1999.99", "2000", "high"),
        ("500", "5000.01", "medium"),
        ("100", "1000000", "medium"),
        ("99.99", "100", "low"),
    ],
)
def test_severity_needs_both_money_and_share(advice: Advice, saving: str, cost: str, severity: str) -> None:
    advice.run(Found(saving, cost))
    assert advice.one()["severity"] == severity


def test_severity_is_that_of_what_counts_and_thresholds_can_be_set(advice: Advice) -> None:
    advice.settings = settings(severity_thresholds={"critical": {"usd": 500, "percent": 50}})
    advice.run(IDLE, SIZE)
    assert [row["severity"] for row in advice.rows()] == ["critical", "medium"]


def test_below_the_minimum_nothing_is_said(advice: Advice) -> None:
    advice.run(Found("9.99"), Found("10", resource="c2"))
    assert [row["resource_id"] for row in advice.rows()] == ["c2"]


def test_a_resource_deleted_yesterday_expires_whatever_it_cost_in_the_window(advice: Advice) -> None:
    job = Found("20", "1000", "jobs_on_all_purpose", "price", "j1", "c1", "job", "cluster")
    advice.run(IDLE, job, Found("30", resource="c2"))
    advice.query(
        "insert into costpulse.clusters (workspace_id, cluster_id, change_time, delete_time, connection) "
        "values ('100', 'c1', now(), now() - interval '1 day', 'x') returning cluster_id"
    )
    done = advice.run(IDLE, job, Found("30", resource="c2"), later=1)
    assert done.expired == 2
    assert {row["resource_id"]: (row["status"], row["status_reason"]) for row in advice.rows()} == {
        "c1": ("expired", "no longer there"),
        "j1": ("expired", "no longer there"),
        "c2": ("open", None),
    }


def test_three_runs_give_the_same_rows_and_the_same_total(advice: Advice) -> None:
    found = (IDLE, SIZE, Found("123.456789", resource="c2"))
    first = advice.run(*found)
    assert (first.new, first.back, first.expired) == (3, 0, 0)
    before = advice.rows()
    for _ in range(2):
        again = advice.run(*found)
        assert (again.new, again.back, again.expired) == (0, 0, 0)
        assert advice.rows() == before
    assert advice.audit() == []


def test_a_renamed_resource_keeps_its_recommendation(advice: Advice) -> None:
    advice.run(IDLE)
    before = advice.one()
    advice.run(Found("610", more={"resource_name": "renamed", "title": "Stop renamed"}), later=1)
    after = advice.one()
    assert (after["id"], after["found_first_at"]) == (before["id"], before["found_first_at"])
    assert (after["resource_name"], after["title"], after["estimated_savings"]) == ("renamed", "Stop renamed", 610)
    assert after["window_last"] == LAST + timedelta(days=1)


def test_what_is_not_found_expires_and_comes_back_with_its_number(advice: Advice) -> None:
    advice.run(IDLE)
    number = advice.one()["id"]
    accept(advice.database, [number], actor="ada", to="ben", note="next week")
    advice.run(later=1)
    expired = advice.one()
    assert (expired["status"], expired["status_reason"]) == ("expired", "condition is gone")
    assert expired["gone_at"] == noon(TODAY + timedelta(days=1))
    advice.run(later=2)
    assert advice.one() == expired
    back = advice.run(IDLE, later=3)
    row = advice.one()
    assert back.back == 1
    assert (row["id"], row["status"], row["status_reason"], row["gone_at"]) == (number, "open", "found again", None)
    assert (row["assigned_to"], row["note"]) == ("ben", "next week")
    assert advice.audit() == [
        ("ada", "open", "accepted"),
        ("pipeline", "accepted", "expired"),
        ("pipeline", "expired", "open"),
    ]


def test_a_dismissed_one_stays_away_and_its_part_goes_to_the_others(advice: Advice) -> None:
    advice.run(IDLE, SIZE)
    dismiss(advice.database, [advice.rows()[0]["id"]], actor="ada", reason="we need it", today=TODAY)
    for later in range(3):
        advice.run(IDLE, SIZE, later=later)
        idle, size = advice.rows()
        assert idle["status"] == "dismissed"
        assert size["estimated_savings"] == 300
    advice.run(SIZE, later=4)
    advice.run(Found("1100", "2000"), SIZE, later=5)
    assert [row["status"] for row in advice.rows()] == ["dismissed", "open"]


def test_a_dismissed_one_comes_back_when_its_saving_has_doubled(advice: Advice) -> None:
    advice.run(IDLE)
    dismiss(advice.database, [advice.one()["id"]], actor="ada", reason="we need it", today=TODAY)
    advice.run(Found("1199.99", "2000"), later=1)
    assert advice.one()["status"] == "dismissed"
    advice.run(Found("1200", "2000"), later=2)
    row = advice.one()
    assert (row["status"], row["decided_by"], row["dismissed_savings"]) == ("open", "pipeline", None)
    assert row["status_reason"] == "saves at least twice what it did when it was dismissed"
    assert row["estimated_savings"] == 1200


def test_a_dismissed_one_comes_back_after_its_day(advice: Advice) -> None:
    advice.run(IDLE)
    until = TODAY + timedelta(days=5)
    dismiss(advice.database, [advice.one()["id"]], actor="ada", reason="not now", until=until, today=TODAY)
    advice.run(IDLE, later=5)
    assert advice.one()["status"] == "dismissed"
    advice.run(IDLE, later=6)
    row = advice.one()
    assert (row["status"], row["dismissed_until"]) == ("open", None)
    assert row["status_reason"] == f"was dismissed until {until}"


def test_a_done_one_comes_back_only_when_the_evidence_is_wholly_later(advice: Advice) -> None:
    advice.run(IDLE)
    number = advice.one()["id"]
    on = LAST
    done(advice.database, [number], actor="ada", on=on, today=TODAY)
    as_it_was = advice.one()
    # The window begins on the day after the next: on is its day -2.
    first_later = 32 - 1
    for later in (1, 10, first_later - 1):
        advice.run(Found("700", "1000"), later=later)
        assert advice.one() == as_it_was
    advice.run(later=first_later - 1)
    assert advice.one()["gone_at"] is not None
    advice.run(Found("700", "1000"), later=first_later)
    row = advice.one()
    assert row["window_first"] == on + timedelta(days=2)
    assert (row["status"], row["status_reason"]) == ("open", f"still there after it was done on {on}")
    assert (row["done_on"], row["gone_at"], row["estimated_savings"]) == (None, None, 700)
    assert advice.audit() == [("ada", "open", "done"), ("pipeline", "done", "open")]


def test_two_processes_at_once_do_not_duplicate(advice: Advice, database_url: str) -> None:
    code = (
        "import sys; from costpulse_assets.resources.database import Database; "
        "from tests.analysis.recommendation_books import Advice, Found; "
        "advice = Advice(Database(sys.argv[1])); "
        "[advice.run(*(Found('20', resource=f'c{n}') for n in range(50)), later=later) for later in range(3)]"
    )
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen([sys.executable, "-c", code, database_url], cwd=root) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    rows = advice.rows()
    assert len({row["resource_id"] for row in rows}) == len(rows) == 50
    assert {(row["status"], row["estimated_savings"]) for row in rows} == {("open", 20)}


def test_the_team_is_the_one_that_most_of_the_cost_was_allocated_to(advice: Advice) -> None:
    with advice.database.transaction() as connection:
        for cluster, shares in {"c1": {1: 30, 2: 40, None: 35}, "c2": {1: 30, None: 31}}.items():
            connection.execute(
                "insert into costpulse.cost_keys (key_id, workspace_id, product, cluster_id, first_usage_date, "
                "last_usage_date) values (md5(%(id)s)::uuid, '100', 'JOBS', %(id)s, %(day)s, %(day)s)",
                {"id": cluster, "day": LAST},
            )
            for team, cost in shares.items():
                # A large bill of before the window does not count.
                for day, usd in ((LAST, cost), (WINDOW.first - timedelta(days=1), 1000 * (team == 1))):
                    connection.execute(
                        "insert into costpulse.daily_key_costs (usage_date, key_id, sku_name, usage_unit, team_id, "
                        "usage_quantity, cost_usd, unpriced_quantity, record_count) "
                        "values (%s, md5(%s)::uuid, 'SKU', 'DBU', %s, 1, %s, 0, 1)",
                        [day, cluster, team, usd],
                    )
    job = Found("20", "1000", "jobs_on_all_purpose", "price", "j1", "c1", "job", "cluster")
    advice.run(IDLE, job, Found("30", resource="c2"), Found("30", resource="c3"))
    assert {row["resource_id"]: row["team_id"] for row in advice.rows()} == {
        "c1": 2,
        "j1": 2,
        "c2": None,
        "c3": None,
    }


def collect(advice: Advice, days: int, *, provisional: int = 0) -> None:
    with advice.database.transaction() as connection:
        connection.execute(
            "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
            "select %(last)s::date - n, 0, 1, n < %(provisional)s, 'none' from generate_series(0, %(days)s - 1) as n",
            {"last": LAST, "days": days, "provisional": provisional},
        )


@pytest.mark.parametrize(
    ("days", "provisional", "window"),
    [
        (40, 0, WINDOW),
        (40, 2, Period(WINDOW.first - timedelta(days=2), LAST - timedelta(days=2))),
        (10, 1, Period(LAST - timedelta(days=9), LAST - timedelta(days=1))),
        (5, 5, None),
        (0, 0, None),
    ],
)
def test_the_window_is_the_last_thirty_final_days(
    advice: Advice, days: int, provisional: int, window: Period | None
) -> None:
    collect(advice, days, provisional=provisional)
    with advice.database.transaction() as connection:
        assert final_window(connection) == window


def test_while_no_day_is_final_everything_stays_as_it_is(advice: Advice) -> None:
    advice.run(IDLE)
    before = advice.one()
    assert update_recommendations(advice.database, advice.settings, now=noon(TODAY)).window is None
    assert advice.one() == before


def declared(name: str, default: int) -> RecommendationType:
    return RecommendationType(
        name=name,
        title="Idle",
        resource_type="cluster",
        acts_on="idle time",
        trigger="",
        saving="",
        evidence={},
        confidence="",
        change="",
        undo="",
        wrong_when="",
        silent_when="",
        effort="low",
        risk="low",
        thresholds=(Threshold("idle_minutes", Decimal(default), Decimal(1), Decimal(99), "minutes", "Idle."),),
    )


def test_a_statement_gets_the_window_and_every_threshold_by_name(
    advice: Advice, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = (
        "insert into found_recommendations (type, workspace_id, resource_type, resource_id, acts_on, bearer_type, "
        "bearer_id, resource_cost_usd, saving_usd, confidence, confidence_reason, title, evidence, calculation) "
        "values ('fake', '1', 'cluster', 'c1', 'idle time', 'cluster', 'c1', 1000, %(idle_minutes)s, 'high', 'Sure.', "
        "%(first_date)s::text || %(last_date)s::text || %(today)s::text, '{}', '1')"
    )
    monkeypatch.setattr(
        "costpulse_assets.resources.database.load_sql", _stand_in("transform/recommend_fake", statement)
    )
    collect(advice, 40)
    types = [declared("fake", 17)]
    done = update_recommendations(advice.database, advice.settings, now=noon(TODAY), types=types)
    assert done.found == {"fake": 1}
    row = advice.one()
    assert (row["title"], row["standalone_savings"]) == (f"{WINDOW.first}{WINDOW.last}{TODAY}", 17)
    with advice.database.transaction() as connection:
        find(connection, types, WINDOW, {"fake": {"idle_minutes": Decimal(23)}}, today=TODAY)
        (found,) = connection.execute("select saving_usd from found_recommendations").fetchall()
    assert found["saving_usd"] == 23


def _stand_in(name: str, statement: str):  # type: ignore[no-untyped-def]
    from costpulse_assets.resources.sql_files import load_sql

    return lambda asked: statement if asked == name else load_sql(asked)


@pytest.mark.parametrize(
    "wrong",
    [
        Found("1000.01"),
        Found("0"),
        Found("NaN"),
        Found("600", more={"confidence": "certain"}),
        Found("600", more={"setting_from": "1"}),
        Found("600", more={"vm_saving_usd": "1"}),
    ],
)
def test_a_statement_that_claims_what_cannot_be_is_refused(advice: Advice, wrong: Found) -> None:
    with pytest.raises(DatabaseRefused):
        advice.run(wrong)


def test_a_type_that_says_two_things_about_one_resource_is_refused(advice: Advice) -> None:
    with pytest.raises(DatabaseRefused):
        advice.run(IDLE, Found("20"))
