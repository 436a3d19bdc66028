"""Serving endpoints that are paid for day and night although nobody calls them any more."""

from decimal import Decimal

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

RECOMMENDATION_TYPE = RecommendationType(
    name="unused_endpoint",
    title="Delete a serving endpoint that nobody calls",
    resource_type="endpoint",
    acts_on="existence",
    trigger="Requests to the endpoint were metered in the bill (AI gateway records or tokens) on at least 7 of the 90 "
    "days before the window and on no day of it, while its compute was billed on every day of the window at one level "
    "(the largest day at most 5 percent above the smallest).",
    saving="All that the endpoint cost in the window: running_days x cost of a day.",
    evidence={
        "metered_days": "Days on which the bill shows requests.",
        "last_metered_on": "The last one of them.",
        "days_without_requests": "Days from then to the end of the window.",
        "running_days": "Days of the window on which its compute was billed.",
        "dbus_per_day": "DBUs of compute on a day of the window.",
        "dbus_per_metered_day": "DBUs of compute on a day with requests, on average.",
        "served_entities": "Models and functions it serves.",
    },
    confidence="Medium where its compute fell to one level when the requests ceased and it was not changed since. "
    "Low else: turning off the gateway's records looks the same in the bill. Never high, because the bill shows "
    "requests only through them.",
    change="Ask its owner, then delete it; or let it scale to zero, which keeps its name and costs nothing while it is "
    "not called.",
    undo="Make it again from the registered model under the same name; that takes minutes.",
    wrong_when="Only the gateway's records were turned off, or the endpoint is held ready for an emergency.",
    silent_when="The bill has never shown requests to the endpoint: compute is billed for being ready, so its cost "
    "says nothing about use, on CPUs as on GPUs, and no system table that is read counts the requests. Most endpoints "
    "are in that state. It scales to zero or up and down, as one in use does; it is billed by tokens alone; it is a "
    "vector search endpoint; it was changed, made anew or deleted in the window. Provisional days are never read.",
    effort="low",
    risk="medium",
    thresholds=(
        Threshold(
            "metered_days", Decimal(7), Decimal(1), Decimal(90), "days",
            "Days with requests in the bill that show that they are metered.",
        ),
        Threshold(
            "lookback_days", Decimal(90), Decimal(7), Decimal(365), "days",
            "Days before the window in which they are looked for.",
        ),
        Threshold(
            "maximum_spread_percent", Decimal(5), Decimal(0), Decimal(50), "percent",
            "How far the compute of a day may lie above that of the smallest day.",
        ),
    ),
)  # fmt: skip
