"""What clusters cost, how well they were used, and what they do now."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from costpulse_assets.derived_assets import derived_asset, rebuilt_asset
from costpulse_assets.derived_days import DerivedTable
from costpulse_assets.layers import Layer
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import Settings

CLUSTER_DAILY = DerivedTable(
    name="cluster_daily",
    upstreams=("daily_key_costs", "node_utilization", "job_task_days", "cluster_task_hours"),
    tables=("cluster_daily",),
    check="checks/cluster_daily_conserve",
)

#: Days that the sums and averages of cluster_info are about, today included.
INFO_DAYS = 30
#: A row of the list carries the time at which its transaction began; it may be committed so much later.
_OVERLAP = timedelta(days=1)


def rebuild_cluster_info(database: Database, now: datetime, *, idle_minutes: int = 30) -> None:
    """Brings cluster_info to what is known at `now`; rows keep their id, and those that are right are not written.

    The first build reads all days there are, each later one the last 30 and what was rebuilt since.

    Args:
        database: where cluster_daily, clusters and node_types are.
        now: the moment (UTC) that states and sums are about.
        idle_minutes: a cluster that did something, or on which a task ran, so short ago is not idle.

    Raises:
        DatabaseUnavailable, DatabaseRefused: the table is as it was.
    """
    since = now.date() - timedelta(days=INFO_DAYS - 1)
    books: dict[str, Any] = {"asset": "cluster_info", "upstreams": [CLUSTER_DAILY.name]}
    with database.writing() as connection:
        (last,) = run(connection, "transform/last_built", books)
        changed = _changed_days(connection, books, since)
        if last["newest_day"] is None:
            seen_since, listed_since = date.min, datetime.min.replace(tzinfo=UTC)
        else:
            seen_since = min(since, last["newest_day"] - timedelta(days=INFO_DAYS - 1), *changed)
            listed_since = last["built_at"] - _OVERLAP
        run(
            connection,
            "transform/cluster_info",
            {
                "now": now,
                "since": since,
                "seen_since": seen_since,
                "listed_since": listed_since,
                "idle_minutes": idle_minutes,
            },
        )
        run(connection, "transform/built_days", {**books, "days": changed})


def _changed_days(connection: Connection, books: dict[str, Any], since: date) -> list[date]:
    """Days of cluster_daily that are not those cluster_info was built from."""
    window = {"only_changed": True, "from_date": since, "to_date": since}
    return [row["usage_date"] for row in run(connection, "transform/days_to_build", books | window)]


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
            rebuild=lambda database: rebuild_cluster_info(
                database, current_time(settings), idle_minutes=settings.idle_minutes
            ),
        ),
    ]
