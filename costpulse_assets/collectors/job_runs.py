"""Runs of jobs: how they went and on what (by the timelines), and what the bill names them for."""

from costpulse_assets.collectors.billing_days import BillingTable
from costpulse_assets.collectors.regional import DailyTable

JOB_RUN_DAYS = DailyTable(
    name="job_run_days",
    reads=("lakeflow.job_run_timeline",),
    columns=(
        "usage_date",
        "workspace_id",
        "run_id",
        "job_id",
        "run_type",
        "run_name",
        "trigger_type",
        "first_start_at",
        "last_slice_end_at",
        "slice_seconds",
        "end_rows",
        "last_end_at",
        "previous_end_at",
        "seconds_to_last_end",
        "seconds_to_previous_end",
        "result_state",
        "termination_code",
        "run_duration_seconds",
        "queue_duration_seconds",
        "setup_duration_seconds",
        "execution_duration_seconds",
        "cleanup_duration_seconds",
    ),
    description="Runs of jobs by UTC day, from the hour slices that began that day: start, end, attempts, result.",
    kept_days=365,
)

JOB_TASK_DAYS = DailyTable(
    name="job_task_days",
    reads=("lakeflow.job_task_run_timeline",),
    columns=(
        "usage_date",
        "workspace_id",
        "job_run_id",
        "compute_type",
        "compute_id",
        "task_seconds",
    ),
    description="Seconds that the tasks of a job run spent on each compute, by UTC day.",
    kept_days=365,
)

CLUSTER_TASK_HOURS = DailyTable(
    name="cluster_task_hours",
    reads=("lakeflow.job_task_run_timeline",),
    columns=(
        "usage_date",
        "usage_hour",
        "workspace_id",
        "cluster_id",
        "task_seconds",
        "last_task_at",
    ),
    description="Seconds in which any task of a job ran on a cluster, by UTC hour, and when the last one did: a task "
    "that waits leaves the CPU alone, and its cluster is not idle.",
    kept_days=365,
)

JOB_RUN_USAGE = BillingTable(
    name="job_run_usage",
    reads=("billing.usage", "billing.list_prices"),
    columns=(
        "usage_date",
        "workspace_id",
        "job_id",
        "run_id",
        "job_name",
        "sku_name",
        "usage_unit",
        "is_serverless",
        "dbu_rate",
        "usage_quantity",
        "record_count",
    ),
    description="Usage and cost that the bill names a job run for (job compute, serverless), by day, SKU, unit and "
    "list rate, corrections netted.",
    check="job_run_usage_within_bill",
)
