"""Where budgets stand: exact spending, probabilities that behave, and a record of what was said that stays."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.allocation.budgets import BudgetDocument, delete_budget, save_budget
from costpulse_assets.analysis.budget_status import update_budget_status
from costpulse_assets.analysis.budgets import outlook
from costpulse_assets.analysis.forecast_issues import issue_forecasts
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from tests.analysis.account import (
    FINAL,
    FIRST,
    NEWEST,
    account,
    checks,
    days_become_final,
    execute,
    filled,
    materialize,
    metadata,
    rows,
)
from tests.app.books import Books
from tests.conftest import database as another_database

JUNE = Period(date(2026, 6, 1), date(2026, 6, 30))


def save(database: Database, *documents: dict[str, Any]) -> None:
    with database.transaction() as connection:
        for document in documents:
            save_budget(connection, BudgetDocument.model_validate(document), "nina")


def update(database: Database) -> None:
    update_budget_status(database, days=400, model="auto")


def status(database: Database, name: str) -> list[dict[str, Any]]:
    return rows(database, "select * from costpulse.budget_status where budget_name = %s order by period_start", name)


def spent(first: date, last: date, *teams: int, books: Books | None = None) -> Decimal:
    """From the rows of the account, of these teams or of everything."""
    return sum(
        (
            row["cost_usd"] or Decimal(0)
            for row in (books or account()).rows
            if first <= row["usage_date"] <= last and (not teams or row["team_id"] in teams)
        ),
        Decimal(0),
    )


@pytest.fixture(scope="module")
def judged(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """Budgets of every kind, after a run with forecasts; nobody changes it."""
    with another_database(postgres_server, template=migrated_template) as url:
        database = filled(url)
        save(
            database,
            {"name": "Plenty", "amount": 1_000_000},
            {"name": "Gone", "amount": 100, "period": "quarter"},
            {"name": "Data", "scope_type": "team", "scope": "Data", "amount": 20_000},
            {"name": "Etl", "scope_type": "team", "scope": "Etl", "amount": 12_000},
            {"name": "Ml", "scope_type": "team", "scope": "Ml", "amount": 5_000},
            {"name": "Nobody", "scope_type": "team", "scope": "unallocated", "amount": 3_000},
            {"name": "Dev", "scope_type": "workspace", "scope": "200", "amount": 7_000},
            {"name": "Atlas", "scope_type": "tag", "scope": "project=atlas", "amount": 7_000},
            {"name": "New project", "scope_type": "tag", "scope": "project=none", "amount": 7_000},
            {"name": "Year", "period": "year", "amount": 500_000},
            {"name": "Next", "amount": 9_000, "period": "custom", "starts_on": "2026-09-01", "ends_on": "2026-09-30"},
            {"name": "Far", "amount": 9, "period": "custom", "starts_on": "2026-06-01", "ends_on": "2027-12-31",
             "scope_type": "product", "scope": "JOBS"},
            {"name": "Off", "amount": 9_000, "period": "quarter", "is_active": False},
        )  # fmt: skip
        result = materialize(database, "forecasts", "budget_status")
        assert result.success
        assert checks(result) | {"teams_add_up": True} == checks(result)
        assert metadata(result, "budget_status")["last final day"] == str(FINAL)
        yield database


# --- the outlook of one period


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(1, 40), st.floats(0, 5_000))
def test_the_probability_falls_as_the_amount_rises(seed: int, gone: int, left: int, mean: float) -> None:
    random = np.random.default_rng(seed)
    daily, paths = random.gamma(2, mean / 2, gone), random.gamma(2, mean / 2, (50, left))
    period = Period(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=gone + left - 1))
    so_far = round(Decimal(float(daily.sum())), 6)
    amounts = sorted(
        so_far + round(Decimal(float(each)), 2) for each in random.normal(mean * left, mean * left + 1, 12)
    )
    found = [
        outlook(amount, period, so_far, daily, predicted=paths.mean(axis=0), paths=paths, level=0.9)
        for amount in amounts
    ]
    probabilities = [each.probability for each in found]
    assert probabilities == sorted(probabilities, reverse=True)
    for amount, each in zip(amounts, found, strict=True):
        assert so_far <= each.lower <= each.projected <= each.upper
        assert (each.breach_date is not None) == (each.probability >= 0.5)
        assert each.probability == 1 or so_far <= amount
        assert each.breach_date is None or each.breach_date in period
    # Later with more to spend.
    days = [each.breach_date for each in found if each.breach_date is not None]
    assert days == sorted(days)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-50, 500), min_size=1, max_size=30), st.integers(1, 3_000))
def test_at_the_end_it_is_known_whether_the_amount_was_exceeded_and_when(costs: list[int], amount: int) -> None:
    period = Period(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=len(costs) - 1))
    found = outlook(
        Decimal(amount), period, Decimal(sum(costs)), np.array(costs, float),
        predicted=np.zeros(0), paths=np.zeros((1, 0)), level=0.95,
    )  # fmt: skip
    assert found.projected == found.lower == found.upper == sum(costs)
    assert found.probability == (1 if sum(costs) > amount else 0)
    if sum(costs) > amount:
        assert found.breach_date is not None
        day = (found.breach_date - period.first).days
        assert sum(costs[: day + 1]) > amount
        assert all(sum(costs[:earlier]) <= amount for earlier in range(day + 1))
    else:
        assert found.breach_date is None


def test_the_day_of_the_breach_is_the_first_that_half_of_the_futures_reach() -> None:
    paths = np.array([[10.0, 10.0, 10.0], [0.0, 20.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    found = outlook(
        Decimal(115), Period(date(2026, 1, 1), date(2026, 1, 4)), Decimal(100), np.array([100.0]),
        predicted=np.array([2.5, 7.5, 3.0]), paths=paths, level=0.95,
    )  # fmt: skip
    assert (found.probability, found.breach_date) == (0.5, date(2026, 1, 3))
    assert found.projected == 113


# --- the table


def test_what_was_spent_is_exact_and_stands_beside_the_share_of_the_period(judged: Database) -> None:
    april, may, june = status(judged, "Data")
    assert [row["state"] for row in (april, may, june)] == ["ended", "ended", "running"]
    assert june["spent_usd"] == spent(JUNE.first, FINAL, 1, 2, 3)
    assert june["own_spent_usd"] == spent(JUNE.first, FINAL, 1)
    assert june["provisional_usd"] == spent(FINAL + timedelta(days=1), NEWEST, 1, 2, 3)
    assert june["elapsed_share"] == pytest.approx(10 / 30)
    assert june["used_share"] == pytest.approx(float(june["spent_usd"]) / 20_000)
    assert may["spent_usd"] == may["projected_usd"] == spent(date(2026, 5, 1), date(2026, 5, 31), 1, 2, 3)
    assert (may["elapsed_share"], may["provisional_usd"], may["probability_exceeded"]) == (1, 0, 1)
    running = Decimal(0)
    for day in Period(date(2026, 5, 1), date(2026, 5, 31)):
        running += spent(day, day, 1, 2, 3)
        if running > 20_000:
            assert may["breach_date"] == day
            break


def test_teams_add_up_their_own_and_those_below(judged: Database) -> None:
    data, etl, ml = (status(judged, name)[-1] for name in ("Data", "Etl", "Ml"))
    assert data["spent_usd"] == data["own_spent_usd"] + etl["spent_usd"]
    assert etl["spent_usd"] == etl["own_spent_usd"] + ml["spent_usd"]
    assert ml["own_spent_usd"] == ml["spent_usd"] > 0
    assert data["projected_usd"] >= etl["projected_usd"] >= ml["projected_usd"]
    assert judged.rows("checks/budget_hierarchy_adds_up", {"since": data["computed_at"]}) == []


def test_the_projection_is_that_of_the_issued_forecast(judged: Database) -> None:
    for name, scope in (("Etl", ("team", "2")), ("Dev", ("workspace", "200")), ("Nobody", ("team", "unallocated"))):
        row = status(judged, name)[-1]
        (landing,) = rows(
            judged,
            "select * from costpulse.forecast_landings where (scope_type, scope_id) = (%s, %s) "
            "and month = '2026-06-01'",
            *scope,
        )
        assert row["projected_usd"] == landing["predicted_cost"]
        for bound in ("lower_bound", "upper_bound"):
            assert abs(row[bound] - landing[bound]) < Decimal("0.02")


def test_a_budget_that_is_used_up_is_exceeded_since_that_day_and_one_with_plenty_left_never(judged: Database) -> None:
    gone = status(judged, "Gone")[-1]
    assert (gone["probability_exceeded"], gone["breach_date"]) == (1, date(2026, 4, 1))
    plenty = status(judged, "Plenty")[-1]
    assert (plenty["probability_exceeded"], plenty["breach_date"]) == (0, None)
    assert plenty["lower_bound"] < plenty["projected_usd"] < plenty["upper_bound"]


def test_what_is_not_known_is_said_with_the_reason(judged: Database) -> None:
    (next_one,) = status(judged, "Next")
    assert (next_one["state"], next_one["spent_usd"], next_one["elapsed_share"]) == ("future", 0, 0)
    assert next_one["note"] == "The period begins on 2026-09-01."
    (year,) = status(judged, "Year")
    assert year["period_start"] == date(2026, 1, 1)
    assert year["spent_usd"] == spent(FIRST, FINAL)
    assert year["note"] == (
        f"The period began before {FIRST}, the first collected day: what it costs in all is not known."
    )
    for row in (next_one, year):
        assert row["projected_usd"] is row["probability_exceeded"] is row["breach_date"] is None
    (far,) = status(judged, "Far")
    assert far["note"] == "The period ends more than 400 days ahead."
    assert (far["projected_usd"], far["probability_exceeded"]) == (None, 1), "it is exceeded, whatever else comes"
    assert {row["note"] for row in status(judged, "New project") if row["state"] == "running"} == {
        "This scope had no cost so far."
    }
    assert status(judged, "Off") == []


def test_a_period_that_ended_before_it_was_collected_whole_is_left_out(judged: Database) -> None:
    assert date(2026, 3, 1) < FIRST
    assert {row["period_start"] for row in status(judged, "Plenty")} == {
        date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)
    }  # fmt: skip


def test_backtests_give_new_budgets_a_record_from_the_first_day(judged: Database) -> None:
    found = rows(judged, "select * from costpulse.budget_probabilities where budget_name = 'Data' order by data_until")
    assert {row["is_backtest"] for row in found[:-1]} == {True}
    assert [row["data_until"] for row in found[-2:]] == [FINAL - timedelta(days=7), FINAL]
    assert found[-1]["is_backtest"] is False
    for row in found:
        assert row["period_start"] <= row["data_until"] < row["period_end"]
        assert row["spent_usd"] == spent(row["period_start"], row["data_until"], 1, 2, 3)
        ended = row["period_end"] <= FINAL
        assert row["final_usd"] == (spent(row["period_start"], row["period_end"], 1, 2, 3) if ended else None)


def test_the_brier_score_is_that_computed_by_hand(judged: Database) -> None:
    found = rows(judged, "select * from costpulse.budget_probabilities where final_usd is not null")
    assert len({row["budget_id"] for row in found}) > 5

    def by_hand(chosen: list[dict[str, Any]]) -> float:
        return float(
            np.mean([(row["probability_exceeded"] - (row["final_usd"] > row["amount"])) ** 2 for row in chosen])
        )

    for score in rows(judged, "select * from costpulse.budget_scores where is_backtest"):
        chosen = [row for row in found if score["budget_id"] in (None, row["budget_id"])]
        assert score["brier_score"] == pytest.approx(by_hand(chosen))
        assert score["probabilities"] == len(chosen)
        assert score["periods"] == len({(row["budget_id"], row["period_start"]) for row in chosen})


# --- over time


@pytest.fixture
def database(database_url: str) -> Database:
    database = filled(database_url)
    save(database, {"name": "Etl", "scope_type": "team", "scope": "Etl", "amount": 12_000})
    return database


PROBABILITIES = "select * from costpulse.budget_probabilities order by data_until"


def test_what_was_said_stays_and_gets_its_outcome_once_the_period_is_over(database: Database) -> None:
    update(database)
    before = rows(database, PROBABILITIES)
    execute(database, "update costpulse.daily_team_costs set cost_usd = cost_usd * 2 where usage_date between "
                      "'2026-06-08' and '2026-06-10'")  # fmt: skip
    update(database)
    assert rows(database, PROBABILITIES) == before
    doubled = status(database, "Etl")[-1]
    assert doubled["spent_usd"] > before[-1]["spent_usd"], "where it stands is what is known now"

    days_become_final(database, NEWEST)
    update(database)
    after = rows(database, PROBABILITIES)
    june = status(database, "Etl")[-1]
    assert (june["state"], june["elapsed_share"]) == ("ended", 1)
    assert june["probability_exceeded"] in (0, 1)
    assert len(after) == len(before), "a period that is over has no probability any more"
    assert [row["final_usd"] for row in after if row["period_start"] == JUNE.first] == [june["spent_usd"]] * (
        sum(row["period_start"] == JUNE.first for row in before)
    )
    frozen = [{name: value for name, value in row.items() if name not in ("final_usd", "is_exceeded")} for row in after]
    assert frozen == [{name: row[name] for name in frozen[0]} for row in before]
    assert {row["is_backtest"] for row in rows(database, "select * from costpulse.budget_scores")} == {True, False}


def test_a_period_that_is_over_keeps_its_amount_and_gets_late_corrections(database: Database) -> None:
    update(database)
    (budget,) = rows(database, "select id from costpulse.budgets")
    changed = {"name": "Etl 2", "scope_type": "team", "scope": "Ml", "amount": 3}
    with database.transaction() as connection:
        save_budget(connection, BudgetDocument.model_validate(changed), "nina", budget_id=budget["id"])
    execute(database, "update costpulse.daily_team_costs set cost_usd = cost_usd + 5000 where team_id = 3 "
                      "and usage_date = '2026-05-30'")  # fmt: skip
    update(database)
    april, may = status(database, "Etl")
    assert {row["amount"] for row in (april, may)} == {12_000}
    assert may["spent_usd"] == spent(may["period_start"], may["period_end"], 2, 3) + 5000
    assert may["probability_exceeded"] == float(may["spent_usd"] > 12_000)
    (june,) = status(database, "Etl 2")
    assert (june["amount"], june["scope_id"]) == (3, "3")


def test_a_deleted_budget_leaves_its_past_periods(database: Database) -> None:
    update(database)
    (budget,) = rows(database, "select id from costpulse.budgets")
    with database.transaction() as connection:
        delete_budget(connection, budget["id"], "nina")
    update(database)
    assert [row["state"] for row in status(database, "Etl")] == ["ended", "ended"]


def test_a_month_without_a_final_day_is_projected_from_its_first_day_on(database_url: str) -> None:
    database = filled(database_url, account(final=date(2026, 5, 31), newest=date(2026, 6, 1)))
    save(database, {"name": "All", "amount": 25_000})
    issue_forecasts(database, days=400, model="auto")
    update(database)
    june = status(database, "All")[-1]
    assert (june["period_start"], june["state"], june["spent_usd"], june["elapsed_share"]) == (
        JUNE.first, "running", 0, 0
    )  # fmt: skip
    assert june["projected_usd"] > 10_000
    assert june["provisional_usd"] == spent(JUNE.first, JUNE.first)


def test_before_there_are_28_final_days_nothing_is_projected(database_url: str) -> None:
    books = account(first=date(2026, 5, 20))
    database = filled(database_url, books)
    save(database, {"name": "All", "amount": 20_000})
    result = materialize(database, "budget_status")
    assert result.success
    (june,) = status(database, "All")
    assert june["note"] == "Forecasts start after 28 final days; 22 so far."
    assert june["spent_usd"] == spent(JUNE.first, FINAL, books=books)
    assert june["projected_usd"] is None
    assert rows(database, PROBABILITIES) == []


def test_without_a_bill_there_is_nothing_to_say(database_url: str) -> None:
    save(Database(database_url), {"name": "All", "amount": 20_000})
    result = materialize(Database(database_url), "budget_status")
    assert result.success
    assert all(checks(result).values())
    assert rows(Database(database_url), "select * from costpulse.budget_status") == []


def test_the_check_finds_a_team_that_does_not_add_up(judged: Database, database: Database) -> None:
    update(database)
    since = status(database, "Etl")[-1]["computed_at"]
    execute(database, "update costpulse.budget_status set own_spent_usd = own_spent_usd + 0.01 where state = 'running'")
    (found,) = database.rows("checks/budget_hierarchy_adds_up", {"since": since})
    assert found["spent_usd"] + Decimal("0.01") == found["own_spent_usd"] + found["below_usd"]
