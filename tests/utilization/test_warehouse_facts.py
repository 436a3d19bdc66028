"""The facts planted in the demo account's warehouses, each read off by one query; and its bill, shared exactly."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.collectors.billing_days import collect_billing_days
from costpulse_assets.collectors.hourly_costs import HOURLY_COSTS
from costpulse_assets.collectors.queries import QUERY_ACTIVITY, WAREHOUSE_QUERIES
from costpulse_assets.collectors.regional import collect_days, collect_state
from costpulse_assets.collectors.warehouses import WAREHOUSE_UPTIME, WAREHOUSES
from costpulse_assets.costs.assets import DAILY_KEY_COSTS
from costpulse_assets.derived_days import build
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount
from costpulse_assets.utilization.warehouses import QUERY_COSTS, WAREHOUSE_DAILY, rebuild_warehouse_info
from tests.conftest import database as database_of_its_own
from tests.small_account import PRICES
from tests.small_account import collect_days as collect_cost_records

END = date(2026, 11, 24)
NOW = datetime.combine(END, time(12), UTC)
DAYS = [END - timedelta(days=back) for back in range(26)]  # a month begins among them
IN_CLEAR = Identities(None)


@pytest.fixture(scope="module")
def demo(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """The demo account's last weeks, collected and derived."""
    with (
        database_of_its_own(postgres_server, template=migrated_template) as url,
        DemoAccount(end_date=END, days=len(DAYS)) as account,
    ):
        database = Database(url)
        collect_cost_records(database, account, *DAYS)
        collect_billing_days(
            database, account, HOURLY_COSTS, DAYS, prices=PRICES, identities=IN_CLEAR, chunk_days=31
        )  # fmt: skip
        collect_state(database, account, WAREHOUSES, IN_CLEAR)
        for table in (WAREHOUSE_UPTIME, WAREHOUSE_QUERIES, QUERY_ACTIVITY):
            collect_days(
                database, account, table, DAYS, identities=IN_CLEAR, now=NOW, settle_days=2, chunk_days=31
            )  # fmt: skip
        for derived in (KEY_ALLOCATIONS, DAILY_KEY_COSTS, QUERY_COSTS, WAREHOUSE_DAILY):
            build(database, derived, DAYS)
        rebuild_warehouse_info(database, NOW)
        yield database


def query(demo: Database, statement: str) -> list[dict[str, Any]]:
    with demo.transaction() as connection:
        connection.execute("set local search_path = costpulse")
        return connection.execute(statement.encode()).fetchall()


def test_the_bill_of_every_warehouse_and_day_is_shared_to_the_last_digit(demo: Database) -> None:
    differences = query(
        demo,
        """
        select usage_date, warehouse_id
        from (
            select usage_date, workspace_id, warehouse_id, cost_usd, dbu_count
            from cost_records where warehouse_id is not null
            union all
            select usage_date, workspace_id, warehouse_id, -cost_usd, -dbu_count from query_costs
        ) as both_sides
        group by usage_date, workspace_id, warehouse_id
        having sum(cost_usd) <> 0 or sum(dbu_count) <> 0
        """,
    )
    assert differences == []
    (whole,) = query(
        demo, "select count(*) as n, count(*) filter (where cost_basis = 'hour') as by_hour from warehouse_daily"
    )
    assert whole["n"] == whole["by_hour"] > 200
    assert query(demo, "select 1 from query_costs where cost_usd < 0 or kind = 'unknown'") == []


def test_the_oversized_warehouse_pays_most_for_a_statement(demo: Database) -> None:
    (found,) = query(
        demo,
        """
        select
            name, warehouse_size, max_clusters,
            total_cost_usd / executions as cost_per_statement, query_hours / running_hours as busy_share
        from warehouse_info
        where running_hours > 10
        order by cost_per_statement desc
        limit 1
        """,
    )
    assert (found["name"], found["warehouse_size"], found["max_clusters"]) == ("Executive dashboards", "2X_LARGE", 1)
    assert found["cost_per_statement"] > 8
    assert found["busy_share"] < 0.02


def test_the_warehouse_with_long_idle_tails_idles_longest_each_time_it_runs(demo: Database) -> None:
    (found,) = query(
        demo,
        """
        select name, auto_stop_minutes, 60 * idle_hours / start_count as idle_minutes
        from warehouse_info
        where start_count > 0 and auto_stop_minutes > 0
        order by idle_minutes desc
        limit 1
        """,
    )
    assert (found["name"], found["auto_stop_minutes"]) == ("Data science SQL", 120)
    assert found["idle_minutes"] > 90


def test_the_warehouse_that_never_stops_runs_round_the_clock(demo: Database) -> None:
    found = query(
        demo,
        """
        select i.name, i.auto_stop_minutes, i.state, count(*) as days, sum(d.start_count) as starts
        from warehouse_daily as d
        inner join warehouse_info as i using (workspace_id, warehouse_id)
        where d.running_hours = 24
        group by i.name, i.auto_stop_minutes, i.state
        """,
    )
    assert found == [
        {"name": "Logistics screens", "auto_stop_minutes": 0, "state": "running", "days": len(DAYS) - 1, "starts": 0}
    ]


def test_our_own_warehouse_is_found_by_its_statements_and_costs_all_of_its_bill(demo: Database) -> None:
    (found,) = query(
        demo,
        """
        select
            i.name, count(*) as days, max(s.cost_usd) as dearest_day, sum(s.executions) as executions,
            bool_and(s.cost_usd = d.cost_usd) as is_all_ours
        from v_self_cost as s
        inner join warehouse_daily as d using (usage_date, workspace_id, warehouse_id)
        inner join warehouse_info as i using (workspace_id, warehouse_id)
        group by i.name
        """,
    )
    assert (found["name"], found["days"], found["is_all_ours"]) == ("CostPulse", len(DAYS), True)
    assert 1 < found["dearest_day"] < 3
    assert found["executions"] > 500


def test_a_statement_past_midnight_keeps_its_warehouse_busy_on_both_days(demo: Database) -> None:
    found = query(
        demo,
        """
        select i.name, count(*) as nights
        from warehouse_queries as after
        inner join warehouse_queries as before
            on
                after.workspace_id = before.workspace_id
                and after.warehouse_id = before.warehouse_id
                and before.usage_date = after.usage_date - 1
                and before.usage_hour = 23
        inner join warehouse_info as i on after.warehouse_id = i.warehouse_id
        where after.usage_hour = 0 and after.executions = 0 and after.busy_ms > 0
        group by i.name
        """,
    )
    assert [row["name"] for row in found] == ["Logistics screens"]
