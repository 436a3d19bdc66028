"""SQL warehouses that never stop by themselves, or only after a long time without a statement."""

from decimal import Decimal

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

RECOMMENDATION_TYPE = RecommendationType(
    name="warehouse_auto_stop",
    title="Shorten the auto-stop of a warehouse",
    resource_type="warehouse",
    acts_on="idle time",
    trigger="The auto-stop of a warehouse is off (0), or longer than 10 minutes on serverless, where a start takes "
    "seconds, or 30 minutes on pro and classic, where it takes minutes; and it idled for longer than that at least "
    "once in the window.",
    saving="For each stretch without a statement, the time beyond recommended_minutes, at what the bill says each "
    "hour of it cost: avoidable_hours x usd_per_avoidable_hour. It is a lower bound: only hours without any statement "
    "count, and in the hour before them the time that must lie after its last statement. Of one stretch never more "
    "counts than the present auto-stop allows.",
    evidence={
        "auto_stop_minutes": "Present setting; 0: it never stops by itself.",
        "recommended_minutes": "Setting that is recommended.",
        "running_hours": "Hours it ran in the window.",
        "idle_hours": "Of those, hours without a statement running.",
        "avoidable_hours": "Of those, hours that the recommended setting would have cut off for sure.",
        "idle_stretches": "Stretches without a statement that lasted longer than the recommended minutes.",
        "longest_stretch_hours": "The longest of them.",
        "usd_per_avoidable_hour": "What an avoidable hour cost on average, in USD.",
        "statements": "Statements received in the window.",
        "unread_days": "Days with cost of which events or query history were not read; they count as busy.",
    },
    confidence="High where events and statements of every day were read. Medium where those of some days are missing. "
    "Low where a fifth of the time lies in stretches longer than the present auto-stop: something, such as a session "
    "held open, keeps it awake and may keep doing so.",
    change="Set auto_stop_minutes from its present value to the recommended one: the warehouse's settings, or an edit "
    "request that repeats its name, size, type and clusters, because what an edit leaves out may go back to a default.",
    undo="Set auto_stop_minutes back; nothing is lost.",
    wrong_when="People wait for a start after every pause (seconds on serverless, minutes on pro and classic), and the "
    "caches of the warehouse are cold after it. Where that matters, a schedule that starts it in the morning helps.",
    silent_when="The source gives no auto-stop (NULL); the warehouse was deleted; the query history was not read, or "
    "holds no statement of the workspace but our own: then nobody knows whether it idled. Short idle tails up to the "
    "present auto-stop are no waste. Provisional days are never read.",
    effort="low",
    risk="low",
    thresholds=(
        Threshold(
            "serverless_minutes", Decimal(10), Decimal(5), Decimal(480), "minutes",
            "Auto-stop of a serverless warehouse that is left alone, and recommended where it is longer.",
        ),
        Threshold(
            "classic_minutes", Decimal(30), Decimal(10), Decimal(480), "minutes",
            "The same of a pro or classic warehouse.",
        ),
    ),
)  # fmt: skip
