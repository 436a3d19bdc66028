"""What changes really saved: the arithmetic on made-up costs, and the whole way on the demo account."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.analysis.realised_savings import Costs, Counterfactual, counterfactual
from costpulse_assets.analysis.recommendation_outcomes import Work, judge, update_recommendation_outcomes
from costpulse_assets.analysis.recommendation_run import update_recommendations
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.costs.assets import DAILY_COSTS
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount, generate_clusters, planted
from costpulse_assets.resources.demo_account.generate_names import generate_names
from costpulse_assets.resources.demo_account.generate_prices import generate_prices
from costpulse_assets.resources.demo_account.generate_usage import generate_usage
from costpulse_assets.resources.demo_account.model import build_account
from costpulse_assets.resources.demo_account.streams import billed_streams
from costpulse_assets.resources.demo_account.tables import CATALOG, create_tables
from costpulse_assets.resources.demo_account.telemetry import telemetry
from costpulse_assets.utilization.clusters import rebuild_cluster_info
from tests.analysis.recommendation_books import settings as no_settings
from tests.conftest import database as database_of_its_own
from tests.small_account import collect_days
from tests.small_clusters import build_cluster_days, build_days, collect_clusters, collect_nodes

DAYS, CHANGE, LENGTH = 120, 90, 28
FIRST, LAST = CHANGE + 1, CHANGE + LENGTH
WEEKDAYS = np.arange(DAYS, dtype=np.int64) % 7


def made_up(seed: int, *, resources: int = 12, noise: float = 0.15, spike: float = 0.0) -> np.ndarray[Any, Any]:
    """Days x resources: a profile of the week, growth that is the same for all, and noise of every day."""
    rng = np.random.default_rng(seed)
    profile = np.where(WEEKDAYS < 5, 1.0, 0.3)[:, None]
    level = rng.uniform(20, 400, resources)
    growth = np.exp(rng.normal(0, 0.002) * np.arange(DAYS))[:, None]
    values = level * profile * growth * np.exp(noise * rng.standard_normal((DAYS, resources)))
    if spike:
        values[CHANGE - 9, 0] *= spike
    return values


def costs(values: np.ndarray[Any, Any]) -> Costs:
    count = values.shape[1]
    changes = [np.array([CHANGE] if column == 0 else [], dtype=np.int64) for column in range(count)]
    return Costs(values, WEEKDAYS, np.array(["w"] * count, dtype=object), tuple(changes))


def without_the_change(values: np.ndarray[Any, Any], last: int = LAST) -> Counterfactual:
    found = counterfactual(costs(values), 0, change=CHANGE, first=FIRST, last=last)
    assert found is not None
    return found


def spent(values: np.ndarray[Any, Any], last: int = LAST) -> float:
    return float(values[FIRST : last + 1, 0].sum())


@pytest.fixture(scope="module")
def placebos() -> list[tuple[Counterfactual, float]]:
    """What it would have cost and did, where nothing was changed."""
    return [(without_the_change(values), spent(values)) for values in map(made_up, range(200))]


def test_hardly_any_saving_is_proved_where_nothing_was_changed(placebos: list[tuple[Counterfactual, float]]) -> None:
    proved = [found.lower > actual for found, actual in placebos]
    # Half of the 5 % that the interval may miss lies on this side.
    assert sum(proved) <= 0.04 * len(proved)


def test_the_interval_holds_what_it_would_have_cost_in_nearly_all_cases(
    placebos: list[tuple[Counterfactual, float]],
) -> None:
    held = [found.lower <= actual <= found.upper for found, actual in placebos]
    assert sum(held) >= 0.93 * len(held)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), kept=st.floats(0.05, 0.5), days=st.integers(7, LENGTH))
def test_a_change_that_halves_the_cost_is_told_from_noise_and_not_overstated(seed: int, kept: float, days: int) -> None:
    values = made_up(seed, noise=0.1)
    truth = spent(values, CHANGE + days)
    values[CHANGE:, 0] *= kept
    found = without_the_change(values, CHANGE + days)
    assert found.lower > spent(values, CHANGE + days)
    assert abs(found.cost - truth) < 0.35 * truth


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.floats(0.3, 3))
def test_what_moves_all_resources_is_no_saving(seed: int, factor: float) -> None:
    values = made_up(seed)
    alike = without_the_change(values)
    values[CHANGE:] *= factor
    moved = without_the_change(values)
    assert moved.cost == pytest.approx(alike.cost * factor)
    assert (moved.lower > spent(values)) == (alike.lower > spent(values) / factor)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), spike=st.floats(3, 50))
def test_a_day_that_is_not_typical_does_not_make_a_saving(seed: int, spike: float) -> None:
    calm, spiky = without_the_change(made_up(seed)), without_the_change(made_up(seed, spike=spike))
    assert spiky.cost < 1.1 * calm.cost


def test_a_steady_resource_is_no_surer_than_what_it_is_compared_with() -> None:
    proved = 0
    for seed in range(100):
        values = made_up(seed, noise=0.3)
        # It does not even grow with the others.
        values[:, 0] = 100
        proved += without_the_change(values).lower > spent(values)
    assert proved <= 5


def test_a_resource_that_stopped_weeks_ago_tells_nothing() -> None:
    values = made_up(3)
    values[CHANGE - 30 :, 1] = 0
    assert without_the_change(values).comparable == values.shape[1] - 2


def test_without_comparable_resources_and_with_few_days_the_interval_is_wide() -> None:
    alone = made_up(3, resources=1)
    short = counterfactual(costs(alone), 0, change=CHANGE, first=FIRST, last=LAST, since=CHANGE - 20)
    assert short is not None
    assert (short.comparable, short.placebos, short.days_before) == (0, 0, 20)
    assert short.upper >= 2 * short.cost
    assert counterfactual(costs(alone), 0, change=CHANGE, first=FIRST, last=LAST, since=CHANGE - 13) is None


def test_what_cost_nothing_before_has_no_counterfactual() -> None:
    values = made_up(3)
    values[:CHANGE, 0] = 0
    assert counterfactual(costs(values), 0, change=CHANGE, first=FIRST, last=LAST) is None


def usd(*amounts: int) -> tuple[Decimal, Decimal, Decimal]:
    usual, lower, upper = map(Decimal, amounts)
    return usual, lower, upper


def work(share: float) -> Work:
    return Work("busy hours", 10, 10 * share, share)


@pytest.mark.parametrize(
    ("cost", "of_work", "was_proved", "for_work", "verdict", "lower"),
    [
        (60, work(1), False, True, "proved", 30),
        (60, work(0.95), False, True, "proved", 30),
        (60, work(0.8), False, True, "proved", 12),
        (60, work(0.6), False, True, "workload shrank", -6),
        (60, work(0.6), True, True, "workload shrank", -6),
        (60, None, False, True, "not proved", 30),
        (60, None, False, False, "proved", 30),
        (0, work(0), False, False, "proved", 90),
        (95, work(1), False, True, "not proved", -5),
        (95, work(1), True, True, "evaporated", -5),
        (90, work(1), False, True, "not proved", 0),
    ],
)
def test_only_what_is_left_of_the_saving_after_the_work_that_was_not_done_is_proved(
    cost: int, of_work: Work | None, was_proved: bool, for_work: bool, verdict: str, lower: int
) -> None:
    saving, said = judge(Decimal(cost), usd(100, 90, 110), of_work, was_proved=was_proved, for_work=for_work)
    assert (said, saving.lower, saving.upper) == (verdict, lower, 110 - cost)
    assert saving.lower <= saving.usd <= saving.upper


END = date(2026, 11, 24)
(FACT,) = planted.facts("changed auto-termination")
CHANGED = END + timedelta(days=FACT.first_day or 0)
#: What is collected; the first look is the day before the change.
ALL_DAYS = [END - timedelta(days=back) for back in reversed(range(96))]
BEFORE = CHANGED - timedelta(days=1)
FINAL = END - timedelta(days=2)


class AllPurposeAccount(DemoAccount):
    """The demo account with nothing but all-purpose clusters on the bill, and telemetry of the one that was changed."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 2})
        self._connection.execute(f"attach ':memory:' as {CATALOG}")
        self._connection.execute("set TimeZone = 'UTC'")
        company = build_account(7)
        create_tables(self._connection)
        bill(self._connection)
        self._connection.execute(f"delete from {CATALOG}.billing.usage where billing_origin_product <> 'ALL_PURPOSE'")
        generate_prices(self._connection, billed_streams(company), end_date=END, as_of=END)
        generate_names(self._connection, company, end_date=END, as_of=END)
        seen = replace(company, clusters=tuple(each for each in company.clusters if each.name == FACT.subject))
        with telemetry(self._connection, first_day=ALL_DAYS[0], end_date=END, as_of=END):
            generate_clusters.generate_uptime(self._connection, seen)
            self._connection.execute(generate_clusters._NODE_HOURS)
            self._connection.execute(generate_clusters._NODES)
        self._connection.execute(f"create temp table all_versions as from {CATALOG}.compute.clusters")

    def look(self, day: date) -> None:
        """Only versions of clusters that were made by the end of the day are there."""
        self._connection.execute(f"delete from {CATALOG}.compute.clusters")
        self._connection.execute(
            f"insert into {CATALOG}.compute.clusters from all_versions where change_time <= ?",
            [datetime.combine(day, time.max, UTC)],
        )


def bill(connection: duckdb.DuckDBPyConnection) -> None:
    generate_usage(connection, billed_streams(build_account(7)), seed=7, first_day=ALL_DAYS[0], end_date=END, as_of=END)


def quantities() -> dict[tuple[str | None, date], Decimal]:
    """Usage of the bill by cluster and day, of nothing but the bill."""
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(f"attach ':memory:' as {CATALOG}")
        connection.execute("set TimeZone = 'UTC'")
        create_tables(connection)
        bill(connection)
        return {
            (row[0], row[1]): row[2]
            for row in connection.execute(
                f"select usage_metadata.cluster_id, usage_date, sum(usage_quantity) from {CATALOG}.billing.usage "
                "group by all"
            ).fetchall()
        }


@dataclass
class Looked:
    """The database after a look on the day before the change, and one on the end date."""

    database: Database
    cluster_id: str
    first_look: dict[str, Any]
    run: Any

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.database.transaction() as connection:
            return connection.execute(statement.encode(), parameters or None).fetchall()

    def recommendation(self) -> dict[str, Any]:
        (row,) = self.query("select * from costpulse.recommendations where resource_id = %s", self.cluster_id)
        return row

    def outcomes(self) -> list[dict[str, Any]]:
        return self.query("select * from costpulse.recommendation_outcomes order by measured_on, id")


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def look(database: Database, account: AllPurposeAccount, days: list[date], today: date) -> Any:
    """What a run of the whole day does, as far as these clusters go."""
    account.look(today)
    collect_days(database, account, *days)
    collect_clusters(database, account)
    collect_nodes(database, account, max(days[0], END - timedelta(days=89)), days[-1])
    build_cluster_days(database, *days)
    build_days(database, DAILY_COSTS, *days)
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
            "select d, 0, 1, d > %s, 'none' from unnest(%s::date[]) as d "
            "on conflict (usage_date) do update set is_provisional = excluded.is_provisional",
            [today - timedelta(days=2), [day for day in ALL_DAYS if day <= today]],
        )
    rebuild_cluster_info(database, noon(today))
    update_recommendations(database, no_settings(), now=noon(today), types=[RECOMMENDATION_TYPES["auto_termination"]])
    return update_recommendation_outcomes(database, now=noon(today))


@pytest.fixture(scope="module")
def looked(postgres_server: str, migrated_template: str) -> Iterator[Looked]:
    with (
        database_of_its_own(postgres_server, template=migrated_template) as url,
        AllPurposeAccount() as account,
    ):
        database = Database(url)
        (cluster,) = (each for each in build_account(7).clusters if each.name == FACT.subject)
        until = ALL_DAYS.index(BEFORE) + 1
        look(database, account, ALL_DAYS[:until], BEFORE)
        looked = Looked(database, cluster.cluster_id, {}, None)
        looked.first_look = looked.recommendation()
        looked.run = look(database, account, ALL_DAYS[until - 2 :], END)
        yield looked


def test_before_the_change_the_cluster_is_advised_to_end_sooner(looked: Looked) -> None:
    advised = looked.first_look
    assert (advised["type"], advised["status"]) == ("auto_termination", "open")
    assert (advised["setting_from"], advised["setting_to"]) == (str(planted.OLD_AUTO_TERMINATION), "30")


def test_the_change_is_recognised_and_makes_the_recommendation_done(looked: Looked) -> None:
    done = looked.recommendation()
    assert (done["status"], done["done_on"], done["decided_by"]) == ("done", CHANGED, "pipeline")
    assert done["status_reason"] == f"seen to have changed from 240 to 25 on {CHANGED}"
    assert looked.run.seen == 1
    (last,) = looked.query(
        "select actor, after ->> 'status' as status from costpulse.audit_log order by id desc limit 1"
    )
    assert tuple(last.values()) == ("pipeline", "done")


def test_the_interval_of_the_realised_saving_contains_the_truth(looked: Looked) -> None:
    (outcome,) = looked.outcomes()
    assert (outcome["verdict"], outcome["changed_on"], outcome["measured_on"]) == ("proved", CHANGED, FINAL)
    assert (outcome["days_after"], outcome["measured_from"]) == (30, FINAL - timedelta(days=29))
    never = tuple(replace(fact, first_day=10**6) if fact is FACT else fact for fact in planted.FACTS)
    really = quantities()
    with patch.object(planted, "FACTS", never):
        without = quantities()
    measured = [FINAL - timedelta(days=back) for back in range(30)]
    (rate,) = looked.query(
        "select distinct effective_rate from costpulse.cost_records where cluster_id = %s", looked.cluster_id
    )
    zero = Decimal(0)
    truth = rate["effective_rate"] * sum(
        without.get((looked.cluster_id, day), zero) - really.get((looked.cluster_id, day), zero) for day in measured
    )
    assert truth > 0
    assert outcome["saving_lower_usd"] <= truth <= outcome["saving_upper_usd"]
    assert outcome["actual_cost_usd"] == pytest.approx(
        rate["effective_rate"] * sum(really.get((looked.cluster_id, day), zero) for day in measured)
    )
    # Nothing but this cluster's bill differs.
    assert {key for key in without.keys() | really.keys() if without.get(key) != really.get(key)} <= {
        (looked.cluster_id, day) for day in ALL_DAYS if day >= CHANGED
    }
    assert outcome["sentence"].startswith("Proved: saves ")


def test_what_is_proved_is_counted_once_for_the_page(looked: Looked) -> None:
    (outcome,) = looked.database.rows("app/recommendation_outcomes")
    (proved,) = looked.database.rows("app/proved_savings", {"today": END})
    assert outcome["counts"] is True
    assert (proved["proved"], proved["saving_per_30_days_usd"]) == (1, outcome["saving_per_30_days_usd"])
    assert looked.database.rows("checks/outcomes_conserve") == []


def test_measuring_again_changes_nothing(looked: Looked) -> None:
    before = looked.outcomes()
    again = update_recommendation_outcomes(looked.database, now=noon(END))
    assert again.seen == 0
    assert [row | {"id": 0} for row in looked.outcomes()] == [row | {"id": 0} for row in before]


@pytest.fixture
def undone(looked: Looked) -> Iterator[Looked]:
    """Changes of a test to these books, taken back."""
    kept = looked.query("select * from costpulse.recommendations")
    yield looked
    with looked.database.transaction() as connection:
        connection.execute("delete from costpulse.recommendation_outcomes")
        connection.execute("update costpulse.resource_settings set value = '25' where value = '24'")
        connection.execute("delete from costpulse.resource_settings where valid_from > %s", [noon(END)])
        connection.execute(
            "update costpulse.recommendations set status = 'done', done_on = %s, decided_by = 'pipeline' where id = %s",
            [CHANGED, kept[0]["id"]],
        )
    update_recommendation_outcomes(looked.database, now=noon(END))


def test_a_change_that_nobody_recommended_is_measured_too(undone: Looked) -> None:
    with undone.database.transaction() as connection:
        connection.execute("delete from costpulse.recommendation_outcomes")
        connection.execute("update costpulse.recommendations set status = 'dismissed', done_on = null, "
                           "dismissed_savings = 1, status_reason = 'no'")  # fmt: skip
    update_recommendation_outcomes(undone.database, now=noon(END))
    (outcome,) = undone.outcomes()
    assert (outcome["recommendation_id"], outcome["verdict"]) == (None, "proved")
    assert (outcome["resource_name"], outcome["setting_from"], outcome["setting_to"]) == (FACT.subject, "240", "25")


def test_a_change_before_the_first_day_of_a_young_account_is_compared_with_nothing(undone: Looked) -> None:
    with undone.database.transaction() as connection:
        connection.execute("delete from costpulse.recommendation_outcomes")
        connection.execute(
            "update costpulse.recommendations set status = 'open', done_on = null, decided_by = null, "
            "found_first_at = %s",
            [noon(END)],
        )
        known = connection.execute("select * from costpulse.completeness where usage_date <= %s", [CHANGED]).fetchall()
        connection.execute("delete from costpulse.completeness where usage_date <= %s", [CHANGED])
    try:
        assert update_recommendation_outcomes(undone.database, now=noon(END)).last_day == FINAL
        assert undone.outcomes() == []
    finally:
        with undone.database.transaction() as connection:
            connection.cursor().executemany(
                "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) values"
                " (%(usage_date)s, %(cost_usd)s, %(share_in)s, %(is_provisional)s, %(basis)s)",
                known,
            )
            connection.execute("update costpulse.recommendations set found_first_at = %s", [noon(BEFORE)])


def test_a_change_that_was_made_before_the_recommendation_does_not_count(undone: Looked) -> None:
    with undone.database.transaction() as connection:
        connection.execute(
            "update costpulse.recommendations set status = 'open', done_on = null, decided_at = null, "
            "found_first_at = %s",
            [noon(CHANGED + timedelta(days=1))],
        )
    try:
        assert update_recommendation_outcomes(undone.database, now=noon(END)).seen == 0
        assert undone.recommendation()["status"] == "open"
    finally:
        with undone.database.transaction() as connection:
            connection.execute("update costpulse.recommendations set found_first_at = %s", [noon(BEFORE)])


def test_few_final_days_after_the_change_are_still_measured(undone: Looked) -> None:
    with undone.database.transaction() as connection:
        connection.execute(
            "update costpulse.completeness set is_provisional = usage_date > %s", [CHANGED + timedelta(days=6)]
        )
    try:
        update_recommendation_outcomes(undone.database, now=noon(CHANGED + timedelta(days=8)))
        first, _ = undone.outcomes()
        assert (first["verdict"], first["days_after"], first["saving_usd"]) == ("measuring", 6, None)
        assert first["sentence"] == f"Changed on {CHANGED}: 6 final days since, measured from 7 on."
    finally:
        with undone.database.transaction() as connection:
            connection.execute("update costpulse.completeness set is_provisional = usage_date > %s", [FINAL])


def test_a_saving_that_is_not_seen_any_more_has_evaporated(undone: Looked) -> None:
    with undone.database.transaction() as connection:
        connection.execute("update costpulse.recommendation_outcomes set measured_on = measured_on - 7")
        connection.execute(
            "update costpulse.daily_key_costs as d set usage_quantity = 2 * d.usage_quantity, "
            "cost_usd = 2 * d.cost_usd from costpulse.cost_keys as k "
            "where d.key_id = k.key_id and k.cluster_id = %s and d.usage_date > %s",
            [undone.cluster_id, CHANGED],
        )
        connection.execute(
            "insert into costpulse.resource_settings (workspace_id, resource_type, resource_id, setting, value, "
            "valid_from) select workspace_id, 'cluster', resource_id, setting, '240', %s "
            "from costpulse.recommendations",
            [noon(END) + timedelta(minutes=1)],
        )
    try:
        update_recommendation_outcomes(undone.database, now=noon(END))
        *_, outcome = undone.outcomes()
        assert outcome["verdict"] == "evaporated"
        assert outcome["sentence"].endswith("auto_termination_minutes was changed back.")
    finally:
        with undone.database.transaction() as connection:
            connection.execute(
                "update costpulse.daily_key_costs as d set usage_quantity = d.usage_quantity / 2, "
                "cost_usd = d.cost_usd / 2 from costpulse.cost_keys as k "
                "where d.key_id = k.key_id and k.cluster_id = %s and d.usage_date > %s",
                [undone.cluster_id, CHANGED],
            )


def test_a_lower_price_alone_is_no_saving(undone: Looked) -> None:
    def reprice(operator: str) -> None:
        with undone.database.transaction() as connection:
            connection.execute(
                f"update costpulse.daily_key_costs set cost_usd = cost_usd {operator} 4 where usage_date > %s".encode(),
                [CHANGED],
            )

    (before,) = undone.outcomes()
    reprice("/")
    try:
        update_recommendation_outcomes(undone.database, now=noon(END))
        (outcome,) = undone.outcomes()
    finally:
        reprice("*")
    assert float(outcome["saving_usd"]) == pytest.approx(float(before["saving_usd"]) / 4, rel=1e-3)


def test_a_cluster_that_works_less_saves_nothing_by_it(undone: Looked) -> None:
    def work_less(operator: str) -> None:
        with undone.database.transaction() as connection:
            connection.execute(
                f"update costpulse.cluster_daily set up_hours = up_hours {operator} 4, "
                f"idle_hours = idle_hours {operator} 4 where usage_date > %s".encode(),
                [CHANGED],
            )

    work_less("/")
    try:
        update_recommendation_outcomes(undone.database, now=noon(END))
        (outcome,) = undone.outcomes()
    finally:
        work_less("*")
    assert outcome["verdict"] == "workload shrank"
    assert outcome["work_after_per_day"] < outcome["work_before_per_day"] / 2
    assert outcome["sentence"].startswith("It costs less because it does less: busy hours a day went from ")
