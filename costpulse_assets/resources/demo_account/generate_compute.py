"""The raw rows that name things: workspaces, clusters, warehouses, jobs and pipelines."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import duckdb
import pyarrow as pa

from costpulse_assets.resources.demo_account import planted
from costpulse_assets.resources.demo_account.model import ACCOUNT_ID, WORKSPACES, Account, Tags
from costpulse_assets.resources.demo_account.tables import CATALOG

_WORKSPACES_MADE = datetime(2023, 3, 14, 9, 26, 53, tzinfo=UTC)


def generate_names(connection: duckdb.DuckDBPyConnection, account: Account, *, end_date: date, as_of: date) -> None:
    """Fill workspaces_latest, clusters, warehouses, jobs and pipelines with what existed at noon of as_of."""
    look = datetime.combine(as_of, time(12), UTC)

    def made(name: str) -> datetime:
        """When something was made: with its first usage, or long ago."""
        for fact in planted.facts("new workload"):
            if fact.subject == name:
                return datetime.combine(end_date + timedelta(days=fact.first_day or 0), time(), UTC)
        return _WORKSPACES_MADE + timedelta(days=len(name), minutes=len(name) * 7)

    _insert(
        connection,
        "access.workspaces_latest",
        (
            {
                "account_id": ACCOUNT_ID,
                "workspace_id": workspace.workspace_id,
                "workspace_name": workspace.name,
                "workspace_url": f"https://{workspace.host}",
                "create_time": _WORKSPACES_MADE,
                "status": "RUNNING",
            }
            for workspace in WORKSPACES
        ),
    )
    _insert(
        connection,
        "compute.clusters",
        (
            {
                "account_id": ACCOUNT_ID,
                "workspace_id": cluster.workspace.workspace_id,
                "cluster_id": cluster.cluster_id,
                "cluster_name": cluster.name,
                "owned_by": cluster.owner,
                "create_time": made(cluster.name),
                "driver_node_type": cluster.node_type,
                "worker_node_type": cluster.node_type,
                "worker_count": None if cluster.autoscale else cluster.workers,
                "min_autoscale_workers": cluster.autoscale[0] if cluster.autoscale else None,
                "max_autoscale_workers": cluster.autoscale[1] if cluster.autoscale else None,
                "auto_termination_minutes": cluster.auto_termination_minutes,
                "enable_elastic_disk": True,
                "tags": _pairs(cluster.tags),
                "cluster_source": "UI",
                "dbr_version": "16.4.x-scala2.12",
                "change_time": made(cluster.name),
                "change_date": made(cluster.name).date(),
                "data_security_mode": "USER_ISOLATION",
            }
            for cluster in account.clusters
            if made(cluster.name) <= look
        ),
    )
    _insert(
        connection,
        "compute.warehouses",
        (
            {
                "warehouse_id": warehouse.warehouse_id,
                "workspace_id": warehouse.workspace.workspace_id,
                "account_id": ACCOUNT_ID,
                "warehouse_name": warehouse.name,
                "warehouse_type": warehouse.kind,
                "warehouse_channel": "CURRENT",
                "warehouse_size": warehouse.size,
                "min_clusters": 1,
                "max_clusters": warehouse.max_clusters,
                "auto_stop_minutes": warehouse.auto_stop_minutes,
                "tags": _pairs(warehouse.tags),
                "change_time": made(warehouse.name),
                "created_by": warehouse.owner,
            }
            for warehouse in account.warehouses
            if made(warehouse.name) <= look
        ),
    )
    _insert(
        connection,
        "lakeflow.jobs",
        (
            {
                "account_id": ACCOUNT_ID,
                "workspace_id": job.workspace.workspace_id,
                "job_id": job.job_id,
                "name": job.name,
                "tags": _pairs(job.tags),
                "change_time": made(job.name),
                "trigger_type": "PERIODIC" if job.rhythm.hours == 24 else "CRON",
                "run_as_user_name": job.run_as,
                "creator_user_name": job.run_as,
                "paused": False,
                "create_time": made(job.name),
            }
            for job in account.jobs
            if made(job.name) <= look
        ),
    )
    _insert(
        connection,
        "lakeflow.pipelines",
        (
            {
                "account_id": ACCOUNT_ID,
                "workspace_id": pipeline.workspace.workspace_id,
                "pipeline_id": pipeline.pipeline_id,
                "pipeline_type": "ETL_PIPELINE",
                "name": pipeline.name,
                "created_by": pipeline.run_as,
                "run_as": pipeline.run_as,
                "tags": _pairs(pipeline.tags),
                "settings": {
                    "photon": pipeline.tier is None,
                    "development": False,
                    "continuous": pipeline.rhythm.hours == 24 and pipeline.rhythm.load == 1,
                    "serverless": pipeline.tier is None,
                    "edition": pipeline.tier,
                    "channel": "CURRENT",
                },
                "change_time": made(pipeline.name),
                "create_time": made(pipeline.name),
            }
            for pipeline in account.pipelines
            if made(pipeline.name) <= look
        ),
    )


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[dict[str, object]]) -> None:
    """Insert rows by column name; what a row does not name is NULL."""
    listed = list(rows)
    types = {"tags": pa.map_(pa.string(), pa.string())}
    types |= {name: pa.int64() for name in ("worker_count", "min_autoscale_workers", "max_autoscale_workers")}
    columns = {name: pa.array([row[name] for row in listed], type=types.get(name)) for name in listed[0]}
    connection.register("named_rows", pa.table(columns))
    connection.execute(f"insert into {CATALOG}.{table} by name select * from named_rows")  # noqa: S608
    connection.unregister("named_rows")


def _pairs(tags: Tags) -> list[tuple[str, str]] | None:
    return None if tags is None else list(tags.items())
