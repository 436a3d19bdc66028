"""All-purpose clusters that never end by themselves, or too late."""

from decimal import Decimal

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

RECOMMENDATION_TYPE = RecommendationType(
    name="auto_termination",
    title="Automatic termination off or too long",
    resource_type="cluster",
    acts_on="idle time",
    trigger=(
        "An all-purpose cluster that still exists has no automatic termination, or one of more than maximum_minutes, "
        "and was idle for longer than target_minutes at a time, but not in always_idle_percent of the hours it was "
        "up: of one that nobody uses, idle_cluster speaks."
    ),
    saving=(
        "Cost of the idle hours (of each day's cost, their share in the node minutes of the day), less target_minutes "
        "of each of the idle_stretches: what of them lies beyond the new limit."
    ),
    evidence={
        "auto_termination_minutes": "minutes after which it ends by itself now; 0: never",
        "up_hours": "hours in which it was up",
        "idle_hours": "hours of them in which nothing happened",
        "idle_stretches": "times that it began to be idle",
        "typical_idle_minutes": "median length of a stretch in minutes",
        "starts_per_day": "stretches per day it was up: how often somebody would have to start it again",
        "saved_hours": "idle hours that would not have been",
        "idle_cost_usd": "USD that the idle hours cost",
        "days": "days with telemetry",
        "counted_from": "first day that counts (UTC): the window's, or the one after the last change of the cluster",
    },
    confidence=(
        "High with telemetry of at least 14 days and idle stretches in at least three weeks; medium with at least 5 "
        "days; else low. Low, too, where it would be started again more than frequent_starts times a day."
    ),
    change=(
        "Set autotermination_minutes to target_minutes with POST /api/2.1/clusters/update; the cluster restarts if it "
        "is running."
    ),
    undo="Set autotermination_minutes back to its old value.",
    wrong_when=(
        "It must answer at once at any time, or what it does needs hardly any CPU, such as a stream that waits for "
        "data. An open session that counts as use may hold it up in spite of the limit."
    ),
    silent_when=(
        "The cluster was never idle for longer than target_minutes, whatever its limit is: there is nothing to save. "
        "There is no telemetry; the cluster is deleted; it is one of a job or pipeline, which ends with its run. What "
        "happened before the last change of its configuration, a new name included, does not count. Of a cluster of a "
        "pool the cloud provider's part is not told: the pool may keep the machines."
    ),
    effort="low",
    risk="low",
    thresholds=(
        Threshold(
            "maximum_minutes", Decimal(120), Decimal(10), Decimal(10000), "minutes",
            "Longest automatic termination that is not too long.",
        ),
        Threshold(
            "target_minutes", Decimal(30), Decimal(10), Decimal(10000), "minutes",
            "Automatic termination that is advised; Databricks takes 10 to 10000.",
        ),
        Threshold(
            "always_idle_percent", Decimal(95), Decimal(50), Decimal(100), "percent",
            "Share of its time from which nobody seems to use it.",
        ),
        Threshold(
            "frequent_starts", Decimal(4), Decimal(1), Decimal(48), "count",
            "Starts per day from which people would rather let it run.",
        ),
    ),
)  # fmt: skip
