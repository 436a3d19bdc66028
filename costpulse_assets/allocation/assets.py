"""Assets of the allocation: the pass over attribution keys, and its sums per team."""

from typing import Any

import dagster as dg

from costpulse_assets.derived_assets import derived_asset
from costpulse_assets.derived_days import DerivedTable
from costpulse_assets.layers import Layer

KEY_ALLOCATIONS = DerivedTable(
    name="key_allocations",
    upstreams=("cost_records",),
    tables=("key_allocations",),
    check="checks/key_allocations_conserve",
)
COST_ALLOCATIONS = DerivedTable(
    name="cost_allocations",
    upstreams=("key_allocations",),
    tables=("cost_allocations",),
    check="checks/cost_allocations_conserve",
)


def allocation_assets(partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """The assets key_allocations and cost_allocations."""
    return [
        derived_asset(
            KEY_ALLOCATIONS,
            partitions,
            layer=Layer.ALLOCATION,
            deps=["cost_keys", "collected_days"],
            description="Every dollar and unit of quantity of a day's keys, to a team or to Unallocated (team_id "
            "NULL). Until rules exist everything is Unallocated. Built by SQL from cost_records.",
        ),
        derived_asset(
            COST_ALLOCATIONS,
            partitions,
            layer=Layer.ALLOCATION,
            description="Cost per day, team, rule, method, workspace, SKU and product: sums of key_allocations.",
        ),
    ]
