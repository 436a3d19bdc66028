"""Rows of the system tables about SQL warehouses and their statements, typed by a test into a SmallAccount."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from costpulse_assets.resources.demo_account.tables import CATALOG
from tests.small_account import MONDAY, SmallAccount

WORKSPACE = "1001"
WAREHOUSE = "wh-1"


def at(hour: float = 0, *, day: int = 0, seconds: float = 0) -> datetime:
    """A moment, in hours and seconds of a day counted from MONDAY."""
    midnight = datetime.combine(MONDAY, datetime.min.time(), UTC)
    return midnight + timedelta(days=day, hours=hour, seconds=seconds)


def insert(account: SmallAccount, table: str, row: Mapping[str, Any]) -> None:
    """One row; columns it does not name are NULL."""
    values = ", ".join(f"? as {name}" for name in row)
    account._connection.execute(f"insert into {CATALOG}.{table} by name select {values}", list(row.values()))


def add_warehouse(account: SmallAccount, name: str = "BI", *, changed: datetime | None = None, **more: Any) -> None:
    """One version of a warehouse."""
    row = {
        "account_id": "account",
        "workspace_id": WORKSPACE,
        "warehouse_id": WAREHOUSE,
        "warehouse_name": name,
        "warehouse_type": "PRO",
        "warehouse_channel": "CURRENT",
        "warehouse_size": "SMALL",
        "min_clusters": 1,
        "max_clusters": 2,
        "auto_stop_minutes": 10,
        "change_time": changed or at(),
        "created_by": "ada@example.com",
    }
    insert(account, "compute.warehouses", row | more)


def add_event(
    account: SmallAccount, kind: str, moment: datetime, clusters: int | None = 1, *, warehouse: str = WAREHOUSE
) -> None:
    """One state change of a warehouse."""
    insert(
        account,
        "compute.warehouse_events",
        {
            "account_id": "account",
            "workspace_id": WORKSPACE,
            "warehouse_id": warehouse,
            "event_type": kind,
            "cluster_count": clusters,
            "event_time": moment,
        },
    )


def add_run(account: SmallAccount, start: datetime, end: datetime, *, warehouse: str = WAREHOUSE) -> None:
    """A warehouse that runs with one cluster from start to end."""
    add_event(account, "STARTING", start, 0, warehouse=warehouse)
    add_event(account, "RUNNING", start, 1, warehouse=warehouse)
    add_event(account, "STOPPING", end, 0, warehouse=warehouse)
    add_event(account, "STOPPED", end, 0, warehouse=warehouse)


def add_query(
    account: SmallAccount,
    start: datetime,
    end: datetime | None,
    *,
    warehouse: str | None = WAREHOUSE,
    user: str | None = "ada@example.com",
    **more: Any,
) -> None:
    """One statement; without a warehouse it runs on serverless compute."""
    known = account._connection.execute(f"select count(*) from {CATALOG}.query.history").fetchone()
    row = {
        "account_id": "account",
        "workspace_id": WORKSPACE,
        "statement_id": f"statement-{known[0] if known else 0}",
        "executed_by": user,
        "execution_status": "FINISHED",
        "compute": {
            "type": "WAREHOUSE" if warehouse else "SERVERLESS_COMPUTE",
            "cluster_id": None,
            "warehouse_id": warehouse,
        },
        "client_application": "Databricks SQL",
        "start_time": start,
        "end_time": end,
        "update_time": end,
        "from_result_cache": False,
        "query_source": source(),
    }
    insert(account, "query.history", row | more)


def source(**leaves: str) -> dict[str, Any]:
    """A query_source with these leaves; every struct is there and holds nulls otherwise."""
    plain = ("legacy_dashboard_id", "dashboard_id", "alert_id", "notebook_id", "sql_query_id", "genie_space_id")
    return {
        "job_info": {name: leaves.get(name) for name in ("job_id", "job_run_id", "job_task_run_id")},
        **{name: leaves.get(name) for name in plain},
        "pipeline_info": {name: leaves.get(name) for name in ("pipeline_id", "update_id")},
    }
