"""What clusters cost, how well they were used, and what they do now."""

from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from costpulse_assets.derived_assets import derived_asset, rebuilt_asset
from costpulse_assets.derived_days import DerivedTable
from costpulse_assets.layers import Layer
from costpulse_assets.resources.database import Database, run
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import Settings

CLUSTER_DAILY = DerivedTable(
    name="cluster_daily",
    upstreams=("daily_key_costs", "node_utilization", "job_task_days"),
    tables=("cluster_daily",),
    check="checks/cluster_daily_conserve",
)

#: Days that the sums and averages of cluster_info are about, today included.
INFO_DAYS = 30
#: Days that the newest evidence of a state is looked for, today included: as long as Databricks keeps minutes.
SEEN_DAYS = 90


def rebuild_cluster_info(database: Database, now: datetime) -> None:
    """Brings cluster_info to what is known at `now` (UTC); rows keep their id.

    Raises:
        DatabaseUnavailable, DatabaseRefused: the table is as it was.
    """
    with database.writing() as connection:
        run(
            connection,
            "transform/cluster_info",
            {
                "now": now,
                "since": now.date() - timedelta(days=INFO_DAYS - 1),
                "seen_since": now.date() - timedelta(days=SEEN_DAYS - 1),
            },
        )


def cluster_assets(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """The assets cluster_daily and cluster_info."""
    return [
        derived_asset(
            CLUSTER_DAILY,
            partitions,
            layer=Layer.UTILIZATION,
            description="Hours up and idle, CPU and memory of driver and workers, DBUs and cost per day and cluster. "
            "Either side may be missing: serverless has no telemetry, a stopped cluster no cost.",
            adds_up="DBUs, list cost and cost per day equal those of the keys with a cluster in daily_key_costs.",
        ),
        rebuilt_asset(
            "cluster_info",
            layer=Layer.UTILIZATION,
            deps=["clusters", "node_types", "cluster_daily"],
            description="Every cluster of the list or the bill: what it is, what it does, how well it was used, "
            "what it cost.",
            rebuild=lambda database: rebuild_cluster_info(database, current_time(settings)),
        ),
    ]
