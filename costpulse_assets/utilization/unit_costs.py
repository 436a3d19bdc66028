"""Unit economics: what a job run, a query, a warehouse hour and an active user cost."""

from typing import Any

import dagster as dg

from costpulse_assets.derived_assets import derived_asset
from costpulse_assets.derived_days import DerivedTable
from costpulse_assets.layers import Layer

UNIT_COSTS = DerivedTable(
    name="unit_costs",
    upstreams=("daily_costs", "daily_key_costs"),
    tables=("unit_costs",),
    check="checks/unit_costs_conserve",
    also_reads=("job_run_costs", "job_runs", "warehouse_daily", "query_activity", "daily_user_costs"),
)


def unit_cost_assets(partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """The asset unit_costs."""
    return [
        derived_asset(
            UNIT_COSTS,
            partitions,
            layer=Layer.UTILIZATION,
            deps=["users"],
            description="Cost and number of job runs, successful runs, queries, warehouse hours and active users, per "
            "day and resource. The cost of one is the quotient of the sums.",
            adds_up="Per day and unit the cost equals that of job_run_costs, warehouse_daily and daily_key_costs to "
            "the last digit.",
        )
    ]
