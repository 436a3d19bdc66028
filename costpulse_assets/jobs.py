"""Named selections of assets."""

import dagster as dg

from costpulse_assets.layers import Layer

#: Everything from the source to what is known about every resource, in one run and one warehouse start.
COST_CYCLE = dg.define_asset_job(
    "cost_cycle",
    selection=dg.AssetSelection.groups(
        Layer.COLLECTORS, Layer.ALLOCATION, Layer.COSTS, Layer.UTILIZATION, Layer.ANALYSIS, Layer.ALERTS
    ),
    description="Collects changed usage days, resources and their use, and rebuilds everything that follows from them.",
)

#: The same without the source: what follows from changed rules.
REALLOCATION = dg.define_asset_job(
    "reallocation",
    selection=dg.AssetSelection.groups(Layer.ALLOCATION, Layer.COSTS, Layer.UTILIZATION, Layer.ANALYSIS, Layer.ALERTS),
    description="Allocates the days anew that changed rules concern, and rebuilds everything that follows from them.",
)

#: What follows from changed budgets.
BUDGETING = dg.define_asset_job(
    "budgeting",
    selection=dg.AssetSelection.assets("forecasts", "budget_status", "alert_outbox"),
    description="Forecasts what changed budgets are about, judges where they stand, and tells whom that concerns.",
)

#: What follows from changed tag policies.
TAG_JUDGEMENT = dg.define_asset_job(
    "tag_judgement",
    selection=dg.AssetSelection.assets("tag_compliance", "tag_violations", "alert_outbox"),
    description="Judges the tags of the days that changed policies concern, finds what lacks the required ones, and "
    "tells whom that concerns.",
)

#: What people and schedules have asked for.
REPORT_MAKING = dg.define_asset_job(
    "make_reports",
    selection=dg.AssetSelection.groups(Layer.REPORTS),
    description="Makes the reports that were asked for, and deletes the files whose time is over.",
)
