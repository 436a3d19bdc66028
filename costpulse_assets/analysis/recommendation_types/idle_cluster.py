"""All-purpose clusters that are up and do nothing for much of their time."""

from decimal import Decimal

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

RECOMMENDATION_TYPE = RecommendationType(
    name="idle_cluster",
    title="Idle cluster",
    resource_type="cluster",
    acts_on="idle time",
    trigger=(
        "An all-purpose cluster that still exists was idle in at least minimum_idle_percent of the hours it was up, "
        "and for at least minimum_idle_hours. Idle is a stretch of more than COSTPULSE_IDLE_MINUTES in which the CPU "
        "of every node stays below COSTPULSE_IDLE_CPU_PERCENT and no task of a job runs on it. Either it was idle in "
        "at least always_idle_percent of its time, or it has an automatic termination of at most long_minutes: of one "
        "that is used and ends later or never, auto_termination speaks."
    ),
    saving=(
        "Cost of the idle hours (of each day's cost, their share in the node minutes of the day), less what remains "
        "with automatic termination after target_minutes: that many minutes of each of the idle_stretches. A stretch "
        "is made of idle hours that follow each other; an hour amidst them that is idle only in part begins another. "
        "Of a cluster that is used now and then and ends by itself after at most long_minutes, only the time between "
        "its own limit and target_minutes counts: what is idle beyond its own limit, another limit would not end "
        "either."
    ),
    evidence={
        "up_hours": "hours in which it was up",
        "idle_hours": "hours of them in which nothing happened",
        "idle_percent": "idle_hours in percent of up_hours",
        "idle_stretches": "times that it began to be idle",
        "saved_hours": "idle hours that would not have been",
        "idle_cost_usd": "USD that the idle hours cost",
        "days": "days with telemetry",
        "counted_from": "first day that counts (UTC): the window's, or the one after the last change of the cluster",
        "auto_termination_minutes": "minutes after which it ends by itself now; 0: never",
    },
    confidence=(
        "High with telemetry of at least 14 days and idle in at least three weeks; medium with at least 5 days; else "
        "low. Low, too, where nothing ever happens although it should end by itself after at most long_minutes: "
        "something that leaves the CPU alone holds it up."
    ),
    change=(
        "Set autotermination_minutes to target_minutes with POST /api/2.1/clusters/update; the cluster restarts if it "
        "is running. Where it is idle in always_idle_percent of its time, delete it instead. Where it has such a "
        "limit already, stop it and find what holds it up."
    ),
    undo="Set autotermination_minutes back to its old value, or start the cluster again.",
    wrong_when=(
        "What it does needs hardly any CPU: a stream that waits for data, a driver that waits for another system, a "
        "session that must stay open. Whoever uses it next waits some minutes for it to start."
    ),
    silent_when=(
        "There is no telemetry (serverless, very short lives); the cluster is deleted; it is one of a job or "
        "pipeline, which ends with its run; it is idle for short times only. What happened before the last change of "
        "its configuration, a new name included, does not count, so it is silent or low for some days after a change. "
        "Nothing is scaled up: a cluster that runs twice a month saves what those two times wasted. Of a cluster of a "
        "pool the cloud provider's part is not told: the pool may keep the machines."
    ),
    effort="low",
    risk="low",
    thresholds=(
        Threshold(
            "minimum_idle_percent", Decimal(50), Decimal(10), Decimal(100), "percent",
            "Smallest share of its time that it must be idle.",
        ),
        Threshold(
            "minimum_idle_hours", Decimal(10), Decimal(1), Decimal(720), "hours", "Fewest idle hours in the window.",
        ),
        Threshold(
            "always_idle_percent", Decimal(95), Decimal(50), Decimal(100), "percent",
            "Share of its time from which nobody seems to use it.",
        ),
        Threshold(
            "target_minutes", Decimal(30), Decimal(10), Decimal(10000), "minutes",
            "Automatic termination that is advised; Databricks takes 10 to 10000.",
        ),
        Threshold(
            "long_minutes", Decimal(120), Decimal(10), Decimal(10000), "minutes",
            "Longest automatic termination that is held to work.",
        ),
    ),
)  # fmt: skip
