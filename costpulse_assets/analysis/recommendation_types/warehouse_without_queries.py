"""SQL warehouses that are awake at night, at weekends or always, without anybody asking them."""

from decimal import Decimal

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

RECOMMENDATION_TYPE = RecommendationType(
    name="warehouse_without_queries",
    title="Stop a warehouse while nobody asks it",
    resource_type="warehouse",
    acts_on="idle time",
    trigger="A warehouse ran for 4 hours or more on end without receiving or running a statement, and such stretches "
    "touch 3 days or more of the window.",
    saving="What the bill says the hours of those stretches cost, but for the first hour of each, which is left to the "
    "last user: avoidable_hours x usd_per_avoidable_hour. It overlaps with a shorter auto-stop and is never added to "
    "it.",
    evidence={
        "running_hours": "Hours it ran in the window.",
        "quiet_hours": "Of those, hours in long stretches without a statement.",
        "weekend_quiet_hours": "Of those, hours on Saturdays and Sundays (UTC).",
        "avoidable_hours": "Quiet hours but for the first one of each stretch.",
        "quiet_stretches": "Number of long stretches without a statement.",
        "longest_stretch_hours": "The longest of them.",
        "days": "Different days they touch.",
        "starts": "How often it was started in them: somebody or something starts it and asks nothing.",
        "usd_per_avoidable_hour": "What an avoidable hour cost on average, in USD.",
        "statements": "Statements received in the window.",
        "unread_days": "Days with cost of which events or query history were not read; they count as busy.",
    },
    confidence="High where auto-stop is off, which explains it, people do use the warehouse at other times, and events "
    "and statements of every day were read. Medium else: where an auto-stop is set and something unseen keeps it "
    "awake, where not one statement is known, or where days are missing.",
    change="Where auto-stop is off, set it; else find what keeps the warehouse awake (an open session, a scheduled "
    "start), and stop it after hours. Without any statement, stop it for good and delete it.",
    undo="Start it again; a deleted one can be made again with the same settings but has another id.",
    wrong_when="Something uses it that the query history does not show, or it must answer at once at any hour.",
    silent_when="The query history was not read, or holds no statement of the workspace but our own; the stretches are "
    "shorter than 4 hours (a shorter auto-stop is the remedy there) or touch fewer than 3 days; the bill has no cost "
    "in those hours, as where only statements are billed; the warehouse was deleted. Provisional days are never read.",
    effort="low",
    risk="low",
    thresholds=(
        Threshold(
            "quiet_hours", Decimal(4), Decimal(2), Decimal(168), "hours",
            "How long a warehouse must run without a statement.",
        ),
        Threshold(
            "minimum_days", Decimal(3), Decimal(1), Decimal(30), "days",
            "On how many days of the window that must happen.",
        ),
        Threshold(
            "auto_stop_minutes", Decimal(30), Decimal(10), Decimal(480), "minutes",
            "Auto-stop that is recommended where it is off.",
        ),
    ),
)  # fmt: skip
