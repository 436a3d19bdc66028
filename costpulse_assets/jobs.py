"""Named selections of assets."""

import dagster as dg

#: Everything from the source's bills to the roll-ups, in one run and one warehouse start.
COST_CYCLE = dg.define_asset_job(
    "cost_cycle",
    selection=dg.AssetSelection.assets(
        "list_prices",
        "cost_records",
        "cost_keys",
        "collected_days",
        "collection_log",
        "workspaces",
        "key_allocations",
        "cost_allocations",
        "daily_costs",
        "daily_key_costs",
        "completeness",
    ),
    description="Collects changed usage days and rebuilds everything that follows from them.",
)
