"""The raw rows that name things: workspaces, clusters, node types, warehouses, jobs, pipelines, served entities."""

import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta

import duckdb
import pyarrow as pa

from costpulse_assets.resources.demo_account import planted
from costpulse_assets.resources.demo_account.model import (
    ACCOUNT_ID,
    NODE_SHAPE,
    WORKSPACES,
    Account,
    Job,
    Tags,
    user_id,
)
from costpulse_assets.resources.demo_account.tables import CATALOG

_WORKSPACES_MADE = datetime(2023, 3, 14, 9, 26, 53, tzinfo=UTC)


def generate_names(connection: duckdb.DuckDBPyConnection, account: Account, *, end_date: date, as_of: date) -> None:
    """Fill the tables of names with what existed at noon of as_of; the clusters of single runs come later."""
    look = datetime.combine(as_of, time(12), UTC)

    def at(offset: int, hour: int) -> datetime:
        return datetime.combine(end_date + timedelta(days=offset), time(hour), UTC)

    def made(name: str) -> datetime:
        """When something was made: with its first usage, or long ago."""
        for fact in planted.facts("new workload"):
            if fact.subject == name:
                return datetime.combine(end_date + timedelta(days=fact.first_day or 0), time(), UTC)
        return _WORKSPACES_MADE + timedelta(days=len(name), minutes=len(name) * 7)

    two_entities = {fact.subject for fact in planted.facts("two served entities")}

    def versions(name: str, column: str, row: dict[str, object]) -> Iterator[dict[str, object]]:
        """The row as it was made, and once more with every change that is planted; `column` holds the name."""
        row |= {column: planted.OLD_NAMES.get(name, name), "change_time": made(name), "delete_time": None}
        changes: list[dict[str, object]] = [{}]
        for fact in planted.facts("renamed cluster", "renamed job", "renamed pipeline"):
            if fact.subject == name:
                changes.append({column: name, "change_time": at(fact.first_day or 0, 9)})
        for fact in planted.facts("changed auto-termination"):
            if fact.subject == name:
                row |= {"auto_termination_minutes": planted.OLD_AUTO_TERMINATION}
                changed = {"auto_termination_minutes": int(fact.size or 0), "change_time": at(fact.first_day or 0, 10)}
                changes.append(changed)
        for fact in planted.facts("paused job"):
            if fact.subject == name:
                changes.append({"paused": True, "change_time": at(fact.first_day or 0, 8)})
        for fact in planted.facts("deleted cluster", "deleted job"):
            if fact.subject == name:
                changes.append({"delete_time": at(fact.last_day or 0, 20), "change_time": at(fact.last_day or 0, 20)})
        for change in changes:
            row = row | change
            if row["change_time"] <= look:  # type: ignore[operator]
                yield row

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
        "compute.node_types",
        (
            {
                "account_id": ACCOUNT_ID,
                "node_type": node_type,
                "core_count": float(cores),
                "memory_mb": memory_mb,
                "gpu_count": gpus,
            }
            for node_type, (cores, memory_mb, gpus) in NODE_SHAPE.items()
        ),
    )
    _insert(
        connection,
        "compute.clusters",
        (
            version | {"change_date": version["change_time"].date()}  # type: ignore[attr-defined]
            for cluster in account.clusters
            for version in versions(
                cluster.name,
                "cluster_name",
                {
                    "account_id": ACCOUNT_ID,
                    "workspace_id": cluster.workspace.workspace_id,
                    "cluster_id": cluster.cluster_id,
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
                    "data_security_mode": "USER_ISOLATION",
                },
            )
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
            version
            for job in account.jobs
            if not job.submitted
            for version in versions(
                job.name,
                "name",
                {
                    "account_id": ACCOUNT_ID,
                    "workspace_id": job.workspace.workspace_id,
                    "job_id": job.job_id,
                    "creator_id": user_id(job.run_as),
                    "tags": _pairs(job.tags),
                    "run_as": user_id(job.run_as),
                    "trigger": _trigger(job),
                    "trigger_type": "PERIODIC" if job.rhythm.hours == 24 else "CRON",
                    "run_as_user_name": job.run_as,
                    "creator_user_name": job.run_as,
                    "paused": False,
                    "create_time": made(job.name),
                },
            )
        ),
    )
    _insert(
        connection,
        "lakeflow.pipelines",
        (
            version
            for pipeline in account.pipelines
            for version in versions(
                pipeline.name,
                "name",
                {
                    "account_id": ACCOUNT_ID,
                    "workspace_id": pipeline.workspace.workspace_id,
                    "pipeline_id": pipeline.pipeline_id,
                    "pipeline_type": "ETL_PIPELINE",
                    "created_by": pipeline.run_as,
                    "run_as": pipeline.run_as,
                    "tags": _pairs(pipeline.tags),
                    "settings": {
                        "photon": pipeline.tier is None,
                        "development": False,
                        "continuous": pipeline.continuous,
                        "serverless": pipeline.tier is None,
                        "edition": pipeline.tier,
                        "channel": "CURRENT",
                    },
                    "create_time": made(pipeline.name),
                },
            )
        ),
    )
    _insert(
        connection,
        "serving.served_entities",
        (
            {
                "served_entity_id": uuid.uuid5(uuid.NAMESPACE_DNS, f"{endpoint.name}-{number}").hex,
                "account_id": ACCOUNT_ID,
                "workspace_id": endpoint.workspace.workspace_id,
                "created_by": endpoint.run_as,
                "endpoint_name": endpoint.name,
                "endpoint_id": endpoint.endpoint_id,
                "served_entity_name": f"{endpoint.name}-{number}",
                "entity_type": _ENTITY_TYPES[endpoint.serving_type],
                "entity_name": f"main.models.{endpoint.name.replace('-', '_')}",
                "entity_version": str(number),
                "endpoint_config_version": 2 if endpoint.name in two_entities else 1,
                "task": "llm/v1/chat" if endpoint.serving_type == "FOUNDATION_MODEL" else None,
                "change_time": made(endpoint.name),
            }
            for endpoint in account.endpoints
            if endpoint.serving_type is not None and made(endpoint.name) <= look
            for number in range(1, 3 if endpoint.name in two_entities else 2)
        ),
    )


#: What an endpoint serves, by the serving type of the bill.
_ENTITY_TYPES = {
    "MODEL": "CUSTOM_MODEL",
    "GPU_MODEL": "CUSTOM_MODEL",
    "FEATURE": "FEATURE_SPEC",
    "FOUNDATION_MODEL": "FOUNDATION_MODEL",
}


def _trigger(job: Job) -> dict[str, object]:
    """When a job runs: every hour, or at an hour of the day."""
    if job.rhythm.hours == 24:
        return {"periodic": {"interval": 1, "units": "HOURS"}, "schedule": None}
    cron = {"quartz_cron_expression": f"0 0 {job.rhythm.first_hour} * * ?", "timezone_id": "UTC"}
    return {"periodic": None, "schedule": cron}


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
