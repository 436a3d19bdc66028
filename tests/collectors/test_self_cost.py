"""What our own queries cost, and when optional collection stops because of it."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.collectors.self_cost import newest_own_cost, optional_collection_allowed
from costpulse_assets.resources.database import Database
from tests.pipeline import pretend_today

TODAY = date(2026, 6, 30)
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


def spend(
    database: Database, cost: str | None, *, day: date = TODAY, warehouse: str = "w", is_costpulse: bool = True
) -> None:
    """Statements of ours, or of somebody else, with their share of a warehouse's bill."""
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.query_costs (usage_date, workspace_id, warehouse_id, kind, executed_by, source_kind,"
            " is_costpulse, executions, execution_seconds, task_seconds, read_bytes, failed_count, cached_count,"
            " cost_usd) values (%s, '1001', %s, 'query', 'robot', 'other', %s, 1, 1, 1, 1, 0, 0, %s)",
            [day, warehouse, is_costpulse, cost],
        )


def refusal(database: Database, budget: str | None = "2", **settings: Any) -> str | None:
    limit = None if budget is None else Decimal(budget)
    return optional_collection_allowed(database, pretend_today(TODAY, self_cost_daily_budget=limit, **settings))


def test_todays_own_cost_is_the_sum_over_warehouses_and_nobody_elses(database):
    spend(database, "1.25", day=TODAY)
    spend(database, "0.5", day=TODAY, warehouse="other")
    spend(database, "100", day=TODAY, warehouse="third", is_costpulse=False)
    spend(database, "40", day=YESTERDAY)
    assert newest_own_cost(database, TODAY) == (TODAY, Decimal("1.75"))


def test_yesterday_counts_as_long_as_nothing_of_today_is_in(database):
    spend(database, "40", day=YESTERDAY)
    spend(database, None, day=TODAY)
    assert newest_own_cost(database, TODAY) == (YESTERDAY, 40)


def test_older_days_say_nothing(database):
    spend(database, "40", day=YESTERDAY - timedelta(days=1))
    spend(database, "40", day=TODAY + timedelta(days=1))
    assert newest_own_cost(database, TODAY) is None
    assert refusal(database) is None


def test_within_the_budget_everything_may_be_collected(database):
    assert refusal(database) is None
    spend(database, "2")
    assert refusal(database) is None


def test_over_the_budget_optional_collection_stops_and_the_sentence_says_why(database):
    spend(database, "2.01")
    assert refusal(database) == (
        "CostPulse's own queries cost 2.01 USD on 2026-06-30, more than the 2 USD a day of "
        "COSTPULSE_SELF_COST_DAILY_BUDGET: only bills, prices and workspaces are collected."
    )


def test_the_day_after_waits_until_its_own_cost_is_known(database):
    spend(database, "3", day=YESTERDAY)
    assert "2026-06-29" in (refusal(database) or "")
    spend(database, "1", day=TODAY)
    assert refusal(database) is None


def test_without_a_budget_nothing_stops(database):
    spend(database, "1000")
    assert refusal(database, None) is None
