"""Jobs, their runs and tasks, typed by a test into a SmallAccount, and the way from there into the tables."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.collectors.billing_days import collect_billing_days
from costpulse_assets.collectors.job_runs import JOB_RUN_DAYS, JOB_RUN_USAGE, JOB_TASK_DAYS
from costpulse_assets.collectors.jobs import JOBS
from costpulse_assets.collectors.regional import DailyTable, collect_days, collect_state
from costpulse_assets.collectors.warehouses import WAREHOUSE_UPTIME
from costpulse_assets.costs.assets import DAILY_KEY_COSTS
from costpulse_assets.derived_days import build
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account.tables import CATALOG
from costpulse_assets.resources.source import Source
from costpulse_assets.utilization.jobs import JOB_RUN_COSTS, rebuild_runs
from tests.small_account import MONDAY, PRICES, SmallAccount
from tests.small_account import collect_days as collect_cost_records
from tests.small_clusters import collect_nodes
from tests.warehouse_account import WORKSPACE, at, insert

IN_CLEAR = Identities(None)
CLUSTER_SKU = "PREMIUM_ALL_PURPOSE_COMPUTE"


def add_job(
    account: SmallAccount,
    name: str | None = "nightly",
    *,
    job_id: str = "7",
    changed: datetime | None = None,
    schedule: tuple[str, str | None] | None = None,
    every: tuple[int, str] | None = None,
    continuous: bool | None = None,
    tags: dict[str, str] | None = None,
    **more: Any,
) -> None:
    """One version of a job; further keywords are columns of system.lakeflow.jobs."""
    trigger = {
        "file_arrival": None,
        "periodic": None if every is None else {"interval": every[0], "units": every[1]},
        "continuous": None if continuous is None else {"enabled": continuous},
        "table_update": None,
        "schedule": None if schedule is None else {"quartz_cron_expression": schedule[0], "timezone_id": schedule[1]},
    }
    row = {
        "account_id": "account",
        "workspace_id": WORKSPACE,
        "job_id": job_id,
        "name": name,
        "change_time": changed or at(day=-30),
        '"trigger"': trigger,
        **more,
    }
    account._connection.execute(
        f"insert into {CATALOG}.lakeflow.jobs ({', '.join(row)}, tags) select {', '.join('?' for _ in row)}, "
        "case when ? then map(?::varchar[], ?::varchar[]) end",
        [*row.values(), tags is not None, list((tags or {}).keys()), list((tags or {}).values())],
    )


def add_slice(
    account: SmallAccount,
    start: datetime,
    end: datetime,
    result: str | None = None,
    *,
    run: str = "r1",
    job: str | None = "7",
    **more: Any,
) -> None:
    """A row of system.lakeflow.job_run_timeline; a result makes it an end row."""
    row = {
        "account_id": "account",
        "workspace_id": WORKSPACE,
        "job_id": job,
        "run_id": run,
        "run_type": "JOB_RUN",
        "trigger_type": "CRON",
        "period_start_time": start,
        "period_end_time": end,
        "result_state": result,
    }
    insert(account, "lakeflow.job_run_timeline", row | more)


def add_task(
    account: SmallAccount,
    start: datetime,
    end: datetime,
    *on: str,
    run: str = "r1",
    task: str = "main",
    ids: Sequence[str] | None = None,
    result: str | None = "SUCCEEDED",
) -> None:
    """A row of system.lakeflow.job_task_run_timeline on these computes: `c...` a cluster, `w...` a warehouse, else
    serverless; `ids` are given as an older row gives them.
    """
    compute = [
        {
            "type": "ANY",
            "cluster_id": name if name.startswith("c") else None,
            "warehouse_id": name if name.startswith("w") else None,
        }
        for name in on
    ]
    row = {
        "account_id": "account",
        "workspace_id": WORKSPACE,
        "run_id": f"{run} {task}",
        "job_run_id": run,
        "task_key": task,
        "period_start_time": start,
        "period_end_time": end,
        "compute_ids": ids,
        "result_state": result,
        "compute": compute,
    }
    values = ", ".join(
        f'?::struct("type" varchar, cluster_id varchar, warehouse_id varchar)[] as {name}'
        if name == "compute"
        else f"? as {name}"
        for name in row
    )
    account._connection.execute(
        f"insert into {CATALOG}.lakeflow.job_task_run_timeline by name select {values}", list(row.values())
    )


def add_cluster_usage(account: SmallAccount, quantity: str, *, cluster: str = "c1", **more: Any) -> None:
    """Usage of an all-purpose cluster, which names no job."""
    account.add_usage(quantity, sku=CLUSTER_SKU, product="ALL_PURPOSE", cluster_id=cluster, **more)


def days_from(first: date, last: date) -> list[date]:
    """Both ends included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def collect(
    database: Database, source: Source, table: DailyTable, days: list[date], now: datetime | None = None
) -> int:
    """What the asset of a daily table does for one connection, long after or at `now`; returns the rows."""
    return collect_days(
        database,
        source,
        table,
        days,
        identities=IN_CLEAR,
        now=now or at(12, day=400),
        settle_days=2,
        chunk_days=31,
    )


def collect_usage(database: Database, source: Source, days: list[date]) -> int:
    """What the asset job_run_usage does; returns the rows."""
    return collect_billing_days(
        database, source, JOB_RUN_USAGE, days, prices=PRICES, identities=IN_CLEAR, chunk_days=31
    )


def collect_runs(database: Database, source: Source, *days: date) -> None:
    """Everything that job_runs is made from, for these days (MONDAY and the day after if none is given)."""
    wanted = list(days) or days_from(MONDAY, MONDAY + timedelta(days=1))
    collect_cost_records(database, source, *wanted)
    for table in (KEY_ALLOCATIONS, DAILY_KEY_COSTS):
        build(database, table, wanted)
    collect_state(database, source, JOBS, IN_CLEAR)
    for daily in (JOB_RUN_DAYS, JOB_TASK_DAYS, WAREHOUSE_UPTIME):
        collect(database, source, daily, wanted)
    collect_nodes(database, source, min(wanted), max(wanted))
    collect_usage(database, source, wanted)


def build_runs(database: Database, *days: date) -> None:
    """What the assets job_run_costs and job_runs do for these days (MONDAY and the day after if none is given)."""
    wanted = list(days) or days_from(MONDAY, MONDAY + timedelta(days=1))
    build(database, JOB_RUN_COSTS, wanted)
    rebuild_runs(database, wanted)
