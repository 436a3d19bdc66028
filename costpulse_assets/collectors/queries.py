"""Statements on SQL warehouses and serverless compute, counted by the hour; no text of a statement is read."""

from costpulse_assets.collectors.regional import DailyTable

WAREHOUSE_QUERIES = DailyTable(
    name="warehouse_queries",
    reads=("query.history",),
    columns=(
        "usage_date",
        "usage_hour",
        "workspace_id",
        "warehouse_id",
        "busy_ms",
        "executions",
        "last_started_at",
    ),
    description="Milliseconds a SQL warehouse was running at least one statement, per day and UTC hour.",
    kept_days=365,
)

QUERY_ACTIVITY = DailyTable(
    name="query_activity",
    reads=("query.history",),
    columns=(
        "usage_date",
        "usage_hour",
        "workspace_id",
        "warehouse_id",
        "executed_by",
        "client_application",
        "source_kind",
        "is_costpulse",
        "executions",
        "execution_ms",
        "task_ms",
        "read_bytes",
        "failed_count",
        "cached_count",
    ),
    description="Statements and their execution time per day, UTC hour, warehouse (none: serverless compute), user, "
    "client and kind of source.",
    kept_days=365,
    identities=("executed_by",),
)
