"""Issued forecasts: they add up, they stay as they were, and their scores are what anybody can compute by hand."""

import calendar
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.allocation.budgets import BudgetDocument, save_budget
from costpulse_assets.analysis.forecast_issues import (
    KEPT_DAYS,
    LEAST_DAYS,
    Issue,
    issue_forecasts,
    make_issues,
    score_forecasts,
)
from costpulse_assets.analysis.series import Scope
from costpulse_assets.resources.database import Database
from tests.analysis.account import (
    ETL,
    FINAL,
    FIRST,
    ML,
    account,
    checks,
    days_become_final,
    execute,
    filled,
    materialize,
    metadata,
    rows,
)
from tests.conftest import database as another_database

NEXT_MONTH_ENDS = date(2026, 7, 31)
ISSUED = "select * from costpulse.forecasts where not is_backtest order by id"


@pytest.fixture(scope="module")
def issued(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """The account with its first issue and backtests, scored; nobody changes it."""
    with another_database(postgres_server, template=migrated_template) as url:
        database = filled(url)
        with database.transaction() as connection:
            document = BudgetDocument.model_validate(
                {"name": "Atlas", "scope_type": "tag", "scope": "project=atlas", "amount": 9000, "period": "year"}
            )
            save_budget(connection, document, "nina")
        result = materialize(database, "forecasts", "forecast_scores")
        assert result.success
        assert checks(result) == {
            "parts_add_up_to_everything": True,
            "predicted_lies_within_its_bounds": True,
            "models_worked_as_asked": True,
        }
        yield database


@pytest.fixture
def database(database_url: str) -> Database:
    return filled(database_url)


def test_every_scope_is_forecast_to_the_end_of_next_month_and_a_budget_to_the_end_of_its_period(
    issued: Database,
) -> None:
    found = rows(
        issued,
        "select scope_type, scope_id, min(forecast_date) as first, max(forecast_date) as last, count(*) as days, "
        "min(data_until) as data_until from costpulse.forecasts where not is_backtest group by 1, 2",
    )
    last = {(row["scope_type"], row["scope_id"]): row["last"] for row in found}
    assert set(last) == {
        ("everything", ""),
        *(("workspace", name) for name in ("", "100", "200")),
        *(("product", name) for name in ("JOBS", "MODEL_SERVING", "NETWORKING")),
        *(("sku", name) for name in ("EGRESS", "PREMIUM_JOBS_COMPUTE", "SERVING")),
        *(("team", name) for name in ("1", "2", "3", "unallocated")),
        ("tag", "project=atlas"),
    }
    assert last.pop(("tag", "project=atlas")) == date(2026, 12, 31)
    assert set(last.values()) == {NEXT_MONTH_ENDS}
    assert {(row["data_until"], row["first"]) for row in found} == {(FINAL, FINAL + timedelta(days=1))}
    assert all(row["days"] == (row["last"] - FINAL).days for row in found)


def test_the_parts_add_up_to_everything_to_the_last_digit(issued: Database) -> None:
    sums: defaultdict[tuple[date, date, bool], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    teams: defaultdict[tuple[date, date, bool], dict[str, Decimal]] = defaultdict(dict)
    for row in rows(issued, "select * from costpulse.forecasts where forecast_date <= %s", NEXT_MONTH_ENDS):
        key = (row["data_until"], row["forecast_date"], row["is_backtest"])
        if row["scope_type"] == "team":
            teams[key][row["scope_id"]] = row["predicted_cost"]
        if row["scope_type"] != "team" or row["scope_id"] in ("1", "unallocated"):
            sums[key][row["scope_type"]] += row["predicted_cost"]
    assert len(teams) > 51
    for key, amounts in sums.items():
        amounts.pop("tag", None)
        assert len(set(amounts.values())) == 1, key
    for of_team in teams.values():
        assert of_team["1"] >= of_team[ETL] >= of_team[ML] > 0


def test_the_check_finds_a_part_that_was_changed(database: Database) -> None:
    issue_forecasts(database, days=400, model="auto")
    assert database.rows("checks/forecasts_cohere", {"days": [FINAL]}) == []
    execute(
        database,
        "update costpulse.forecasts set predicted_cost = predicted_cost + 0.000001, upper_bound = upper_bound + 1 "
        "where scope_type = 'product' and scope_id = 'JOBS' and forecast_date = '2026-06-20' and not is_backtest",
    )
    (found,) = database.rows("checks/forecasts_cohere", {"days": [FINAL]})
    assert (found["forecast_date"], found["scope_type"]) == (date(2026, 6, 20), "product")
    assert found["parts_cost"] - found["whole_cost"] == Decimal("0.000001")
    assert database.rows("checks/forecast_bands", {"days": [FINAL]}) == []
    execute(
        database,
        "delete from costpulse.forecasts where scope_type = 'sku' and scope_id = 'EGRESS' and not is_backtest "
        "and forecast_date = '2026-06-21'",
    )
    (hole,) = database.rows("checks/forecast_bands", {"days": [FINAL]})
    assert (hole["scope_id"], hole["days"], hole["horizon"]) == ("EGRESS", 50, 51)


def test_an_issue_stays_as_it_was_whatever_happens_to_the_costs(database: Database) -> None:
    issue_forecasts(database, days=400, model="auto")
    before = rows(database, ISSUED), rows(database, "select * from costpulse.forecast_landings order by 1, 2, 3, 4")
    execute(
        database, "update costpulse.daily_workspace_costs set cost_usd = cost_usd * 3 where usage_date > '2026-06-01'"
    )
    again = issue_forecasts(database, days=400, model="auto")
    assert (again.scopes, again.days) == (0, ())
    assert before == (
        rows(database, ISSUED),
        rows(database, "select * from costpulse.forecast_landings order by 1, 2, 3, 4"),
    )

    days_become_final(database, FINAL + timedelta(days=1))
    later = issue_forecasts(database, days=400, model="auto")
    assert later.days == (FINAL + timedelta(days=1),)
    assert [row for row in rows(database, ISSUED) if row["data_until"] == FINAL] == before[0]


def test_a_tag_that_gets_a_budget_later_is_added_and_nothing_else_changes(database: Database) -> None:
    issue_forecasts(database, days=400, model="auto")
    before = rows(database, ISSUED)
    with database.transaction() as connection:
        document = BudgetDocument(name="Hermes", scope_type="tag", scope="project=hermes", amount=Decimal(5000))
        save_budget(connection, document, "nina")
    assert issue_forecasts(database, days=400, model="auto").scopes == 1
    after = rows(database, ISSUED)
    assert after[: len(before)] == before
    assert {row["scope_id"] for row in after[len(before) :]} == {"project=hermes"}


def test_a_month_lands_at_what_was_spent_and_what_is_expected_of_its_other_days(issued: Database) -> None:
    spent = account().total() - sum(
        row["cost_usd"] or 0 for row in account().rows if not date(2026, 6, 1) <= row["usage_date"] <= FINAL
    )
    found = rows(issued, "select * from costpulse.forecast_landings where scope_type = 'everything' order by month")
    assert [row["month"] for row in found] == [date(2026, 6, 1), date(2026, 7, 1)]
    assert [row["spent_usd"] for row in found] == [spent, 0]
    for row in found:
        end = row["month"].replace(day=calendar.monthrange(row["month"].year, row["month"].month)[1])
        (expected,) = rows(
            issued,
            "select sum(predicted_cost) as predicted, sum(lower_bound) as lower, sum(upper_bound) as upper "
            "from costpulse.forecasts where scope_type = 'everything' and not is_backtest "
            "and forecast_date between %s and %s",
            row["month"],
            end,
        )
        assert abs(row["predicted_cost"] - row["spent_usd"] - expected["predicted"]) < Decimal("0.01")
        # Errors of days partly cancel: a month is surer than its days.
        assert expected["lower"] < row["lower_bound"] - row["spent_usd"] < expected["predicted"]
        assert expected["predicted"] < row["upper_bound"] - row["spent_usd"] < expected["upper"]


def test_a_month_that_is_over_lands_at_its_cost(database_url: str) -> None:
    database = filled(database_url, account(final=date(2026, 5, 31), newest=date(2026, 6, 1)))
    issue_forecasts(database, days=400, model="auto")
    may, june, july = rows(
        database, "select * from costpulse.forecast_landings where scope_type = 'everything' order by month"
    )
    assert may["spent_usd"] == may["predicted_cost"] == may["lower_bound"] == may["upper_bound"] > 0
    assert june["spent_usd"] == july["spent_usd"] == 0
    assert july["month"] == date(2026, 7, 1)


def test_backtests_know_only_the_days_up_to_their_origin(database_url: str, issued: Database) -> None:
    books = account()
    origin = FINAL - timedelta(days=14)
    for row in books.rows:
        if row["usage_date"] > origin and row["cost_usd"] is not None:
            row["cost_usd"] *= 7
    changed = filled(database_url, books)
    issue_forecasts(changed, days=400, model="auto")
    statement = (
        "select data_until, scope_type, scope_id, forecast_date, predicted_cost, lower_bound, upper_bound "
        "from costpulse.forecasts where is_backtest and data_until <= %s order by 1, 2, 3, 4"
    )
    assert rows(changed, statement, origin) == rows(issued, statement, origin)
    origins = [row["data_until"] for row in rows(issued, "select distinct data_until from costpulse.forecasts "
                                                         "where is_backtest order by 1")]  # fmt: skip
    assert origins[-1] == FINAL - timedelta(days=7)
    assert {later - earlier for earlier, later in pairwise(origins)} == {timedelta(days=7)}
    assert (origins[0] - FIRST).days + 1 >= LEAST_DAYS


def test_scores_are_those_computed_by_hand_from_final_days(database: Database) -> None:
    issue_forecasts(database, days=400, model="auto")
    assert rows(database, "select count(*) as n from costpulse.forecast_scores where not is_backtest") == [{"n": 0}]
    score_forecasts(database, days=400)
    assert {row["is_backtest"] for row in rows(database, "select is_backtest from costpulse.forecast_scores")} == {True}
    days_become_final(database, FINAL + timedelta(days=10))
    score_forecasts(database, days=400)

    actual = dict.fromkeys((FINAL + timedelta(days=n) for n in range(1, 11)), 0.0)
    for row in account().rows:
        if row["usage_date"] in actual and row["team_id"] in (2, 3):
            actual[row["usage_date"]] += float(row["cost_usd"])
    forecasts = rows(
        database,
        "select * from costpulse.forecasts where not is_backtest and scope_type = 'team' and scope_id = '2' "
        "order by forecast_date",
    )
    for bucket, leads, is_complete in (("1-7", range(7), True), ("8-14", range(7, 10), False)):
        pairs = [(forecasts[lead], actual[forecasts[lead]["forecast_date"]]) for lead in leads]
        spent = sum(cost for _, cost in pairs)
        errors = [float(row["predicted_cost"]) - cost for row, cost in pairs]
        naive = [float(row["naive_cost"]) - cost for row, cost in pairs]
        inside = [float(row["lower_bound"]) <= cost <= float(row["upper_bound"]) for row, cost in pairs]
        (score,) = rows(
            database,
            "select * from costpulse.forecast_scores where not is_backtest and scope_type = 'team' and scope_id = '2' "
            "and horizon_bucket = %s",
            bucket,
        )
        assert (score["days"], score["is_complete"]) == (len(leads), is_complete)
        assert score["actual_usd"] == pytest.approx(spent)
        assert score["wape"] == pytest.approx(sum(map(abs, errors)) / spent)
        assert score["bias"] == pytest.approx(sum(errors) / spent)
        assert score["naive_wape"] == pytest.approx(sum(map(abs, naive)) / spent)
        assert score["coverage"] == pytest.approx(sum(inside) / len(inside))


def test_the_days_of_old_issues_go_and_what_was_made_of_them_stays(database: Database) -> None:
    issue_forecasts(database, days=400, model="auto")
    old = date(2026, 2, 28)
    # From before a pause: its days are final by now, and nobody has scored it.
    execute(
        database,
        "insert into costpulse.forecasts (data_until, scope_type, scope_id, is_backtest, forecast_date, "
        "predicted_cost, lower_bound, upper_bound, naive_cost, level, model_type, reason) "
        "select %s, 'everything', '', false, %s::date + n, 800, 700, 900, 800, 0.95, 'blend', '' "
        "from generate_series(1, 30) as n",
        old,
        old,
    )
    issues = "select distinct data_until, is_backtest from costpulse.forecasts order by 1"
    landed = "select * from costpulse.forecast_landings order by 1, 2, 3, 4"
    before, landings = rows(database, issues), rows(database, landed)

    days_become_final(database, old + timedelta(days=KEPT_DAYS))
    score_forecasts(database, days=400)
    assert rows(database, issues) == before
    days_become_final(database, old + timedelta(days=KEPT_DAYS + 1))
    score_forecasts(database, days=400)
    assert rows(database, issues) == [row for row in before if row["data_until"] != old]
    assert rows(database, landed) == landings
    scored = rows(database, "select data_until, sum(days) as days from costpulse.forecast_scores group by 1 order by 1")
    assert [row["data_until"] for row in scored] == [row["data_until"] for row in before]
    assert scored[0] == {"data_until": old, "days": (old + timedelta(days=30) - FIRST).days + 1}


def test_backtests_are_made_once_even_when_their_days_are_gone(database: Database) -> None:
    issue_forecasts(database, days=400, model="auto")
    score_forecasts(database, days=400)
    execute(database, "delete from costpulse.forecasts where is_backtest")
    days_become_final(database, FINAL + timedelta(days=1))
    issued = issue_forecasts(database, days=400, model="auto")
    assert issued.days == (FINAL + timedelta(days=1),)
    assert rows(database, "select 1 from costpulse.forecasts where is_backtest") == []


def test_forecasts_wait_for_28_final_days_and_say_so(database_url: str) -> None:
    database = filled(database_url, account(first=FINAL - timedelta(days=26)))
    result = materialize(database, "forecasts", "forecast_scores")
    assert result.success
    assert metadata(result, "forecasts")["waiting for"] == "28 final days, 27 so far"
    assert rows(database, "select count(*) as n from costpulse.forecasts") == [{"n": 0}]
    assert all(checks(result).values())


def test_without_a_bill_nothing_is_issued(database_url: str) -> None:
    result = materialize(Database(database_url), "forecasts", "forecast_scores")
    assert result.success
    assert metadata(result, "forecasts")["scopes issued"] == 0


def test_a_model_that_cannot_be_used_is_said_by_a_check_that_warns(database_url: str) -> None:
    books = account(first=FINAL - timedelta(days=28), newest=FINAL)
    books.rows = [row for row in books.rows if row["product"] == "NETWORKING"]
    result = materialize(filled(database_url, books), "forecasts", forecast_model="prophet")
    assert result.success
    assert checks(result)["models_worked_as_asked"] is False
    assert "everything: " in metadata(result, "forecasts")["warnings"]
    assert "prophet" not in metadata(result, "forecasts")["models"]


def test_the_app_sees_only_forecasts_of_the_teams_of_its_viewer(issued: Database) -> None:
    def seen(scope: str | None) -> set[tuple[str, str]]:
        with issued.transaction() as connection:
            connection.execute("set local role costpulse_app")
            if scope is not None:
                connection.execute("select set_config('costpulse.scope', %s, true)", [scope])
            tables = ("forecasts", "forecast_landings", "forecast_scores")
            return {
                (row["scope_type"], row["scope_id"])
                for table in tables
                for row in connection.execute(f"select distinct scope_type, scope_id from costpulse.{table}".encode())
            }

    assert seen(None) == set()
    assert seen("2,3") == {("team", "2"), ("team", "3")}
    assert len(seen("all")) == 15


# --- any history

_days = st.integers(LEAST_DAYS, 60)


@st.composite
def histories(draw: st.DrawFn) -> pd.DataFrame:
    """Daily costs of everything, two workspaces, and teams one above the other; with credits, and a late start."""
    days = draw(_days)
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    scale = draw(st.sampled_from([0.0, 0.01, 100.0, 1_000_000.0]))
    parts = random.gamma(draw(st.sampled_from([0.1, 5.0])), scale, (days, 4)) * random.integers(0, 2, (days, 4))
    parts[random.integers(0, days, 2), random.integers(0, 4, 2)] *= -1
    top, middle, low, nobody = parts.T
    frame = {
        Scope("everything"): parts.sum(axis=1),
        Scope("workspace", "a"): top + low,
        Scope("workspace", ""): middle + nobody,
        Scope("team", "1"): top + middle + low,
        Scope("team", "2"): middle + low,
        Scope("team", "3"): low,
        Scope("team", "unallocated"): nobody,
    }
    late = draw(st.integers(0, days - 1))
    frame[Scope("team", "3")][:late] = np.nan
    columns = pd.Index(list(frame), dtype=object, tupleize_cols=False, name="scope")
    index = pd.date_range("2026-01-01", periods=days, name="usage_date")
    return pd.DataFrame(np.column_stack(list(frame.values())), index=index, columns=columns)


@settings(max_examples=25, deadline=None)
@given(histories(), st.integers(1, 40))
def test_whatever_was_spent_the_parts_add_up_and_bounds_hold(frame: pd.DataFrame, ahead: int) -> None:
    parents = {"1": None, "2": "1", "3": "2"}
    days = {scope: ahead + (5 if scope.type == "everything" else 0) for scope in frame.columns}
    issues = make_issues(frame, days, parents=parents, draws=20)

    def micros(scope: Scope) -> np.ndarray:
        return np.rint(issues[scope].predicted[:ahead] * 1_000_000)

    whole = micros(Scope("everything"))
    assert (micros(Scope("workspace", "a")) + micros(Scope("workspace", "")) == whole).all()
    assert (micros(Scope("team", "1")) + micros(Scope("team", "unallocated")) == whole).all()
    assert (micros(Scope("team", "1")) >= micros(Scope("team", "2"))).all()
    assert (micros(Scope("team", "2")) >= micros(Scope("team", "3"))).all()
    for issue in issues.values():
        assert (issue.lower >= 0).all()
        assert (issue.lower <= issue.predicted).all()
        assert (issue.predicted <= issue.upper).all()
        assert (issue.paths >= 0).all()
        assert all(np.isfinite(values).all() for values in (issue.lower, issue.upper, issue.paths, issue.naive))


def test_a_scope_without_a_known_day_has_no_forecast() -> None:
    index = pd.date_range("2026-01-01", periods=40)
    columns = pd.Index([Scope("everything"), Scope("product", "NEW")], dtype=object, tupleize_cols=False)
    frame = pd.DataFrame({0: 5.0, 1: np.nan}, index=index).set_axis(columns, axis=1)
    assert set(make_issues(frame, dict.fromkeys(columns, 3), parents={}, draws=1)) == {Scope("everything")}


def test_moving_keeps_proportions_also_beyond_the_days_it_is_moved_onto() -> None:
    twos = np.full(4, 2.0)
    issue = Issue(np.array([2.0, 0.0, 2.0, 2.0]), twos * 0, twos * 2, twos, np.stack([twos, twos * 3]), "m", "r")
    moved = issue.moved_onto(np.array([4.0, 1.0]))
    assert moved.predicted.tolist() == [4.0, 1.0, 5.0, 5.0]
    assert moved.upper.tolist() == [8.0, 4.0, 10.0, 10.0]
    assert moved.paths[1].tolist() == [12.0, 7.0, 15.0, 15.0]
    assert moved.naive is issue.naive
