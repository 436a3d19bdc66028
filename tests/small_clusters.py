"""Clusters and the minutes of their nodes, typed by a test, and the way from there into the tables."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.collectors.clusters import CLUSTERS, NODE_TYPES
from costpulse_assets.collectors.node_utilization import node_utilization
from costpulse_assets.collectors.regional import collect_days, collect_state
from costpulse_assets.costs.assets import DAILY_KEY_COSTS
from costpulse_assets.derived_days import DerivedTable, build
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account.tables import CATALOG
from costpulse_assets.resources.source import Source
from costpulse_assets.settings import Settings
from costpulse_assets.utilization.clusters import CLUSTER_DAILY
from tests.small_account import MONDAY, SmallAccount

MIDNIGHT = datetime.combine(MONDAY, datetime.min.time(), tzinfo=UTC)
IN_CLEAR = Identities(None)


def add_cluster(
    account: SmallAccount,
    name: str | None = "cluster",
    *,
    cluster_id: str = "c1",
    workspace: str = "1001",
    changed: datetime = MIDNIGHT - timedelta(days=30),
    source: str | None = "UI",
    tags: dict[str, str] | None = None,
    **more: Any,
) -> None:
    """One version of a cluster; further keywords are columns of system.compute.clusters."""
    row = {
        "workspace_id": workspace,
        "cluster_id": cluster_id,
        "cluster_name": name,
        "change_time": changed,
        "change_date": changed.date(),
        "create_time": changed,
        "cluster_source": source,
        **more,
    }
    account._connection.execute(
        f"insert into {CATALOG}.compute.clusters ({', '.join(row)}, tags) select {', '.join('?' for _ in row)}, "
        "case when ? then map(?::varchar[], ?::varchar[]) end",
        [*row.values(), tags is not None, list((tags or {}).keys()), list((tags or {}).values())],
    )


def add_minutes(
    account: SmallAccount,
    first: datetime,
    minutes: int,
    *,
    cluster_id: str = "c1",
    workspace: str = "1001",
    node: str = "driver",
    cpu: float | None = 50.0,
    system: float = 0.0,
    wait: float = 0.0,
    mem: float | None = 40.0,
    swap: float = 0.0,
    node_type: str | None = "m5.xlarge",
) -> None:
    """A row of system.compute.node_timeline for each of so many minutes of one node."""
    account._connection.execute(
        f"insert into {CATALOG}.compute.node_timeline (workspace_id, cluster_id, instance_id, start_time, end_time, "
        "driver, cpu_user_percent, cpu_system_percent, cpu_wait_percent, mem_used_percent, mem_swap_percent, node_type)"
        " select ?, ?, ?, ?::timestamptz + to_minutes(m), ?::timestamptz + to_minutes(m + 1), ?, ?, ?, ?, ?, ?, ?"
        " from range(?) as t (m)",
        [
            workspace, cluster_id, f"i-{cluster_id}-{node}", first, first, node == "driver", cpu, system, wait, mem,
            swap, node_type, minutes,
        ],
    )  # fmt: skip


def collect_clusters(database: Database, source: Source) -> None:
    """What the assets clusters and node_types do for one connection."""
    collect_state(database, source, CLUSTERS, IN_CLEAR)
    collect_state(database, source, NODE_TYPES, IN_CLEAR)


def collect_nodes(
    database: Database, source: Source, first: date = MONDAY, last: date | None = None, *, chunk_days: int = 31
) -> int:
    """What the asset node_utilization does for one connection; returns the rows."""
    settings = Settings(_env_file=None, data_dir=Path("no-such-folder"))  # type: ignore[call-arg]
    last = last or first
    return collect_days(
        database,
        source,
        node_utilization(settings),
        [first + timedelta(days=number) for number in range((last - first).days + 1)],
        identities=IN_CLEAR,
        now=datetime.combine(last, datetime.min.time(), tzinfo=UTC),
        settle_days=2,
        chunk_days=chunk_days,
    )


def build_cluster_days(database: Database, *days: date) -> None:
    """From cost_records and node_utilization to cluster_daily."""
    for table in (KEY_ALLOCATIONS, DAILY_KEY_COSTS, CLUSTER_DAILY):
        build_days(database, table, *days)


def build_days(database: Database, table: DerivedTable, *days: date) -> None:
    """These days (one if none is given) of a derived table."""
    build(database, table, list(days) or [MONDAY])


def query(database: Database, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    """Rows of one statement."""
    with database.transaction() as connection:
        return connection.execute(statement.encode(), parameters or None).fetchall()
