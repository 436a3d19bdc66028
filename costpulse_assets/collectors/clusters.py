"""Classic clusters and the node types they are made of."""

from datetime import timedelta

from costpulse_assets.collectors.regional import StateTable

CLUSTERS = StateTable(
    name="clusters",
    reads=("compute.clusters",),
    columns=(
        "workspace_id",
        "cluster_id",
        "name",
        "change_time",
        "is_latest",
        "cluster_source",
        "owner",
        "driver_node_type",
        "worker_node_type",
        "worker_count",
        "min_autoscale_workers",
        "max_autoscale_workers",
        "auto_termination_minutes",
        "dbr_version",
        "tags",
        "policy_id",
        "data_security_mode",
        "driver_instance_pool_id",
        "worker_instance_pool_id",
        "create_time",
        "delete_time",
    ),
    description="Newest configuration of every classic cluster: type, node types, workers, auto-termination, owner, "
    "tags. A cluster that was deleted keeps its row. Earlier names go to resource_names, earlier settings "
    "to resource_settings.",
    every=timedelta(hours=1),
    resource_type="cluster",
    resource_id="cluster_id",
    has_settings=True,
    identities=("owner",),
)

NODE_TYPES = StateTable(
    name="node_types",
    reads=("compute.node_types",),
    columns=("node_type", "core_count", "memory_mb", "gpu_count"),
    description="Cores, memory and GPUs of each node type. Databricks publishes no price for them.",
    every=timedelta(days=1),
)
