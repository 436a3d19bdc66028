"""How busy the nodes of clusters were: minutes of system.compute.node_timeline, added up to hours on the warehouse."""

from decimal import Decimal

from costpulse_assets.collectors.regional import DailyTable
from costpulse_assets.settings import Settings


def node_utilization(settings: Settings) -> DailyTable:
    """The table node_utilization; what counts as idle comes from the settings."""
    return DailyTable(
        name="node_utilization",
        reads=("compute.node_timeline",),
        columns=(
            "usage_date",
            "usage_hour",
            "workspace_id",
            "cluster_id",
            "is_driver",
            "node_type",
            "node_minutes",
            "node_count",
            "cpu_minutes",
            "mem_minutes",
            "cpu_sum",
            "mem_sum",
            "io_wait_sum",
            "swap_max",
            "up_minutes",
            "idle_minutes",
            "last_up_at",
            "last_idle_at",
            "last_busy_at",
        ),
        description="Node minutes per hour, cluster, driver or workers and node type, with histograms of CPU and "
        "memory, and how long the cluster did nothing. Databricks keeps the minutes for 90 days; the hours stay here.",
        kept_days=90,
        parameters={
            "idle_cpu_percent": Decimal(str(settings.idle_cpu_percent)),
            "idle_minutes": settings.idle_minutes,
        },
    )
