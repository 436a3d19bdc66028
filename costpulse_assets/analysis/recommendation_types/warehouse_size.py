"""Large SQL warehouses that run short statements, one at a time, and hardly any of them."""

from decimal import Decimal

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

RECOMMENDATION_TYPE = RecommendationType(
    name="warehouse_size",
    title="Make a warehouse smaller",
    resource_type="warehouse",
    acts_on="size",
    trigger="A warehouse of 24 DBU/h (Medium) or more stays within these bounds even when each statement takes as much "
    "longer as the warehouse becomes smaller: statements fill at most 20 percent of its time, and their duration, "
    "weighted by itself so that long ones show, is at most 30 seconds. As it is, at most 2 statements run at once on "
    "average, they read at most 10 GB each, and there were at least 50 of them on 5 days. The larger of two steps "
    "that fits is taken; more than two are never recommended at a time.",
    saving="Cost of the time without a statement x (1 - recommended_dbus_per_hour / dbus_per_hour). Time with "
    "statements saves nothing: at worst they take as much longer as an hour is cheaper.",
    evidence={
        "warehouse_size": "Present size.",
        "recommended_size": "Size that is recommended, one or two steps smaller.",
        "dbus_per_hour": "DBUs an hour and cluster of the present size.",
        "recommended_dbus_per_hour": "The same of the recommended size.",
        "billed_dbus_per_hour": "DBUs an hour and cluster by the bill, which must agree with the size within a fifth.",
        "running_hours": "Hours it ran in the window since it was last changed.",
        "busy_percent": "Share of those with a statement running.",
        "statements": "Statements received in them.",
        "days": "Days with statements.",
        "mean_seconds": "Mean duration of a statement.",
        "weighted_seconds": "Duration of a statement, weighted by itself.",
        "concurrency": "Statements running at once while there were any, on average.",
        "read_gb_per_statement": "Gigabytes a statement read on average.",
        "idle_cost_usd": "Cost of the time without a statement, in USD.",
    },
    confidence="High where statements would fill at most 5 percent of the time of the smaller warehouse and those of "
    "10 days or more are known. Medium else: how much memory statements need is not read.",
    change="Set the size from its present value to the recommended one: the warehouse's settings, or an edit request "
    "that repeats all other settings. Look at the durations for a week before taking another step.",
    undo="Set the size back; the warehouse restarts its clusters either way.",
    wrong_when="A few statements need the memory or the cores of the large size, such as a monthly close outside the "
    "window, or somebody must not wait twice as long for one.",
    silent_when="It needed more than one cluster at once; too few statements or days are known, as of a warehouse that "
    "runs twice a month or was changed in the last days; the bill does not show the DBU rate of the size (5X-Large and "
    "sizes with other rates are not known); the query history was not read; it was deleted. Many clusters that are "
    "allowed and never used cost nothing and are left alone. Provisional days are never read.",
    effort="low",
    risk="medium",
    thresholds=(
        Threshold(
            "minimum_dbus_per_hour", Decimal(24), Decimal(6), Decimal(528), "DBU/h",
            "Smaller warehouses are left alone.",
        ),
        Threshold(
            "maximum_busy_percent", Decimal(20), Decimal(1), Decimal(80), "percent",
            "Share of the time that statements may fill on the smaller size.",
        ),
        Threshold(
            "maximum_statement_seconds", Decimal(30), Decimal(1), Decimal(3600), "seconds",
            "Duration, weighted by itself, that a statement may have on the smaller size.",
        ),
        Threshold(
            "maximum_concurrency", Decimal(2), Decimal(1), Decimal(20), "count",
            "Statements that may run at once on average.",
        ),
        Threshold(
            "maximum_read_gb", Decimal(10), Decimal("0.1"), Decimal(10_000), "GB",
            "Gigabytes that a statement may read on average.",
        ),
        Threshold(
            "minimum_statements", Decimal(50), Decimal(10), Decimal(100_000), "count",
            "Statements that must be known to judge.",
        ),
        Threshold(
            "minimum_days", Decimal(5), Decimal(1), Decimal(30), "days",
            "Days with statements that must be known to judge.",
        ),
    ),
)  # fmt: skip
