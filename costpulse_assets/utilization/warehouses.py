"""What SQL warehouses cost, who kept them busy, and what they do now."""

from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from costpulse_assets.derived_assets import derived_asset, rebuilt_asset
from costpulse_assets.derived_days import DerivedTable
from costpulse_assets.layers import Layer
from costpulse_assets.resources.database import Database, run
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import Settings

QUERY_COSTS = DerivedTable(
    name="query_costs",
    upstreams=("cost_records", "hourly_costs", "warehouse_uptime", "warehouse_queries", "query_activity"),
    tables=("query_costs",),
    check="checks/query_costs_conserve",
)
WAREHOUSE_DAILY = DerivedTable(
    name="warehouse_daily",
    upstreams=("query_costs", "daily_key_costs"),
    tables=("warehouse_daily",),
    check="checks/warehouse_daily_conserve",
)

#: Days that the sums of warehouse_info are about, today included.
INFO_DAYS = 30
#: A warehouse is not called running or stopped on older evidence.
STATE_MAX_AGE = timedelta(hours=2)


def rebuild_warehouse_info(database: Database, now: datetime) -> None:
    """Replaces warehouse_info by what is known at `now` (UTC).

    Raises:
        DatabaseUnavailable, DatabaseRefused: the table is as it was.
    """
    with database.writing() as connection:
        connection.execute("delete from costpulse.warehouse_info")
        run(
            connection,
            "transform/warehouse_info",
            {
                "today": now.date(),
                "since": now.date() - timedelta(days=INFO_DAYS - 1),
                "fresh_since": now - STATE_MAX_AGE,
            },
        )


def warehouse_assets(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """The assets query_costs, warehouse_daily and warehouse_info."""
    return [
        derived_asset(
            QUERY_COSTS,
            partitions,
            layer=Layer.UTILIZATION,
            deps=["warehouses"],
            description="The bill of each warehouse and day, shared among users, clients and sources by execution time "
            "within each hour; the idle part has a row of its own. An estimate that adds up to the bill exactly.",
            adds_up="DBUs and cost per day and warehouse equal those in cost_records to the last digit.",
        ),
        derived_asset(
            WAREHOUSE_DAILY,
            partitions,
            layer=Layer.UTILIZATION,
            deps=["warehouse_uptime", "warehouse_queries"],
            description="Hours running, with queries and idle, starts, executions, users, DBUs and cost per day and "
            "warehouse.",
            adds_up="DBUs, list cost and cost per day and warehouse equal those in daily_key_costs to the last digit.",
        ),
        rebuilt_asset(
            "warehouse_info",
            layer=Layer.UTILIZATION,
            deps=["warehouses", "warehouse_uptime", "warehouse_queries", "query_costs", "warehouse_daily"],
            description="Every SQL warehouse of the list or the bill: configuration, state, use and cost of the last "
            "30 days.",
            rebuild=lambda database: rebuild_warehouse_info(database, current_time(settings)),
        ),
    ]
