"""All-purpose clusters that are up in hours of the week in which nothing ever happens on them."""

from decimal import Decimal

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

RECOMMENDATION_TYPE = RecommendationType(
    name="weekend_and_night",
    title="Up at weekends and nights for nothing",
    resource_type="cluster",
    acts_on="idle time",
    trigger=(
        "An all-purpose cluster that still exists, and does end by itself after at most long_minutes, is up in at "
        "least minimum_hours hours of the week that follow each other, in each of them in at least minimum_weeks "
        "weeks of the window, and nothing ever happened in them. Hours and weekdays are UTC."
    ),
    saving=(
        "Cost of those hours (of each day's cost, their share in the node minutes of the day). It is what automatic "
        "termination leaves: the bill has it in already."
    ),
    evidence={
        "stopped_utc": "spans of the week in which nothing happens (UTC)",
        "quiet_hours_per_week": "hours of the week in them",
        "quiet_hours": "hours in which it was up in them",
        "fewest_weeks": "weeks in which it was up in the least frequent of these hours",
        "days": "days with telemetry",
        "counted_from": "first day that counts (UTC): the window's, or the one after the last change of the cluster",
        "auto_termination_minutes": "minutes after which it ends by itself now",
    },
    confidence="High where each of the hours was seen in at least four weeks, else medium.",
    change=(
        "Have a schedule stop it (POST /api/2.1/clusters/delete, which keeps its configuration) at the beginning of "
        "each span, and end whatever holds it up or starts it in them."
    ),
    undo="Remove the schedule.",
    wrong_when=(
        "Somebody waits for an answer in these hours on other days than those seen, or what it does needs hardly any "
        "CPU. Local hours move by one against UTC when summer time begins or ends."
    ),
    silent_when=(
        "Anything happened in an hour of the week even once: that hour is left out. Automatic termination is off or "
        "longer than long_minutes: changing it is simpler and saves nearly all of it. It is idle in "
        "always_idle_percent of its time: then it is an idle cluster. The present configuration is seen for less than "
        "minimum_weeks weeks; there is no telemetry; the cluster is deleted, or one of a job or pipeline. Of "
        "a cluster of a pool the cloud provider's part is not told: the pool may keep the machines."
    ),
    effort="medium",
    risk="medium",
    thresholds=(
        Threshold(
            "minimum_weeks", Decimal(3), Decimal(2), Decimal(4), "count",
            "Fewest weeks in which it must be up in an hour of the week.",
        ),
        Threshold(
            "minimum_hours", Decimal(2), Decimal(1), Decimal(48), "hours", "Shortest span that is worth a schedule.",
        ),
        Threshold(
            "minimum_idle_hours", Decimal(10), Decimal(1), Decimal(720), "hours", "Fewest idle hours in the window.",
        ),
        Threshold(
            "always_idle_percent", Decimal(95), Decimal(50), Decimal(100), "percent",
            "Share of its time from which it is an idle cluster.",
        ),
        Threshold(
            "long_minutes", Decimal(120), Decimal(10), Decimal(10000), "minutes",
            "Longest automatic termination that is held to work.",
        ),
    ),
)  # fmt: skip
