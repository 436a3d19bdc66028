"""SQL warehouses: what they are, and when they ran."""

from datetime import timedelta

from costpulse_assets.collectors.regional import DailyTable, StateTable

WAREHOUSES = StateTable(
    name="warehouses",
    reads=("compute.warehouses",),
    columns=(
        "workspace_id",
        "warehouse_id",
        "name",
        "change_time",
        "is_latest",
        "warehouse_type",
        "warehouse_size",
        "warehouse_channel",
        "min_clusters",
        "max_clusters",
        "auto_stop_minutes",
        "owner",
        "tags",
        "delete_time",
    ),
    description="Newest configuration of every SQL warehouse: type, size, auto-stop, scaling, owner, tags. A warehouse "
    "that was deleted keeps its row. Earlier names go to resource_names, earlier settings "
    "to resource_settings.",
    every=timedelta(hours=1),
    resource_type="warehouse",
    resource_id="warehouse_id",
    has_settings=True,
    identities=("owner",),
)

WAREHOUSE_UPTIME = DailyTable(
    name="warehouse_uptime",
    reads=("compute.warehouse_events", "compute.warehouses"),
    columns=(
        "usage_date",
        "usage_hour",
        "workspace_id",
        "warehouse_id",
        "running_seconds",
        "cluster_seconds",
        "start_count",
        "max_cluster_count",
        "still_running_at",
    ),
    description="Seconds a SQL warehouse ran per day and UTC hour, times its clusters, and its starts.",
    kept_days=365,
)
