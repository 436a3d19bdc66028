"""Assets of the costs layer: the roll-ups that pages read, and completeness."""

from datetime import datetime
from typing import Any

import dagster as dg
from psycopg import sql

from costpulse_assets.derived_assets import derived_asset
from costpulse_assets.derived_days import DerivedTable
from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import Settings

DAILY_COSTS = DerivedTable(
    name="daily_costs",
    upstreams=("key_allocations",),
    tables=("daily_costs", "daily_team_costs", "daily_workspace_costs", "daily_sku_costs"),
    check="checks/daily_costs_conserve",
)
DAILY_KEY_COSTS = DerivedTable(
    name="daily_key_costs",
    upstreams=("key_allocations",),
    tables=("daily_key_costs", "daily_resource_costs"),
    weekly=("weekly_key_costs",),
    check="checks/daily_key_costs_conserve",
)


def compute_completeness(
    connection: Connection, now: datetime, *, provisional_days: int, complete_share: float
) -> None:
    """Writes completeness for every collected day, in the transaction of the connection.

    Args:
        connection: a connection that writes.
        now: the moment that the collected days are looked at (UTC).
        provisional_days: newest days that are never called final, today included.
        complete_share: share of a day (0..1) that must be in before it is called final.
    """
    parameters = {
        "today": now.date(),
        "now": now,
        "provisional_days": provisional_days,
        "complete_share": complete_share,
    }
    for table in ("arrivals", "day_hours", "day_progress"):
        run(connection, f"transform/stage_{table}", parameters)
        # Without statistics the planner takes a temporary table for a small one, and loops.
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier("pg_temp", f"staged_{table}")))
    run(connection, "transform/completeness", parameters)


def cost_assets(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """The assets daily_costs, daily_key_costs and completeness."""

    @dg.asset(
        # hourly_costs are read too, and are no dependency: without them days are judged as a whole, not left unjudged.
        deps=["daily_costs", "collection_log"],
        group_name=Layer.COSTS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.completeness"},
    )
    def completeness(database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
        """How much of each usage day is in, what it will be with a band, and whether it may be judged."""
        with named_failures(), database.writing() as connection:
            compute_completeness(
                connection,
                current_time(settings),
                provisional_days=settings.provisional_days,
                complete_share=settings.complete_share,
            )
            summary = run(connection, "checks/completeness_summary")[0]
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": int(summary["days"]),
                "days not final": int(summary["provisional_days"]),
                "last final day": str(summary["last_final_day"]),
            }
        )

    return [
        derived_asset(
            DAILY_COSTS,
            partitions,
            layer=Layer.COSTS,
            description="Cost per day, workspace, SKU, product, unit and team, with smaller roll-ups per team, "
            "workspace and SKU for long windows; all replaced together.",
        ),
        derived_asset(
            DAILY_KEY_COSTS,
            partitions,
            layer=Layer.COSTS,
            description="Cost per day, attribution key, SKU, unit and team: views by user, job, cluster, warehouse, "
            "pipeline, endpoint and tag. For long windows weekly_key_costs hold the same by week, and "
            "daily_resource_costs the cost of jobs, warehouses and all-purpose clusters by day.",
        ),
        completeness,
    ]
