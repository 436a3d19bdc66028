"""Assets of the allocation: the pass over attribution keys, its sums per team, and the tables of people behind it."""

from typing import Any

import dagster as dg

from costpulse_assets.allocation.allocate import allocate_stored
from costpulse_assets.derived_assets import derived_asset
from costpulse_assets.derived_days import DerivedTable
from costpulse_assets.layers import OWNER, Layer

KEY_ALLOCATIONS = DerivedTable(
    name="key_allocations",
    upstreams=("cost_records", "allocation_rules"),
    tables=("key_allocations",),
    check="checks/key_allocations_conserve",
    also_reads=("query_costs", "resource_names"),
    prepare=allocate_stored,
)
COST_ALLOCATIONS = DerivedTable(
    name="cost_allocations",
    upstreams=("key_allocations",),
    tables=("cost_allocations",),
    check="checks/cost_allocations_conserve",
)

_EDITED = {
    "teams": "Teams, their members and the tag values that are theirs.",
    "allocation_rules": "What a team owns directly, by priority.",
    "cost_splits": "Selections of cost that several teams share, and their weights.",
}
#: Tables that people edit; `reallocate_changed_days` observes them.
EDITED_SPECS = [
    dg.AssetSpec(
        name,
        group_name=Layer.SETTINGS,
        description=f"{description} Typed by people; audited.",
        owners=[OWNER],
        kinds={"postgres"},
        metadata={"dagster/table_name": f"costpulse.{name}"},
    )
    for name, description in _EDITED.items()
]


def allocation_assets(partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """The assets key_allocations and cost_allocations, and what people edit."""
    return [
        *EDITED_SPECS,
        derived_asset(
            KEY_ALLOCATIONS,
            partitions,
            layer=Layer.ALLOCATION,
            deps=["cost_keys", "collected_days", "teams", "cost_splits"],
            description="Every dollar and unit of quantity of a day's keys, to a team or to Unallocated (team_id "
            "NULL): by rules, splits, members and tags, with the names and query costs that are known. Without rules "
            "everything is Unallocated. Built by SQL from cost_records.",
            adds_up="Quantity, list cost and cost per day and SKU, and per key and unit, equal cost_records to the "
            "last digit.",
        ),
        derived_asset(
            COST_ALLOCATIONS,
            partitions,
            layer=Layer.ALLOCATION,
            description="Cost per day, team, rule, split, method, workspace, SKU and product: sums of key_allocations.",
        ),
    ]
