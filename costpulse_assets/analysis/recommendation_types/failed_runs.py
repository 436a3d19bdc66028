"""Jobs that fail again and again, and what they are run for a second time."""

from decimal import Decimal

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

RECOMMENDATION_TYPE = RecommendationType(
    name="failed_runs",
    title="Repair a job that keeps failing",
    resource_type="job",
    acts_on="failures",
    trigger="At least 3 runs of a job failed, timed out or had to be repaired, on at least 3 days of the window, and "
    "it has not run well since for three times as long as it usually does between two failures.",
    saving="Cost of the failed attempts, less what a success in their place would have cost. A run that was repaired "
    "has its success, so all that failed before it is saved; so is a failed run that succeeded when it was run again "
    "in less than half the usual pause. Of another failed run only what is beyond success_cost_usd is saved: the rest "
    "would buy a result. Of a job that never succeeds all is saved by pausing it. All that failed is shown as "
    "one-off waste (failed_cost_usd).",
    evidence={
        "runs": "Runs that ended in the window.",
        "successes": "Of those, runs that succeeded in the end.",
        "failures": "Runs with at least one failed attempt.",
        "repaired": "Of those, runs that succeeded in the end.",
        "failed_days": "Days with a failure.",
        "failed_cost_usd": "Cost of the failed attempts, in USD: all that brought nothing.",
        "avoidable_cost_usd": "The part that a repair of the job saves, in USD.",
        "success_cost_usd": "Mean cost of an attempt that succeeded, in USD.",
    },
    confidence="High where the bill names the runs. Medium for a job that never succeeded: pausing it saves for sure, "
    "whether it is needed is not known. Low for runs on a shared cluster or warehouse: they have a share of its cost "
    "by their time, and its bill falls only as far as it is up for less time.",
    change="Find out why the runs fail (the request lists them with their messages) and repair the job; pause one that "
    "never succeeds. There is no setting to change.",
    undo="Nothing to undo; a paused job is resumed.",
    wrong_when="The failures have a cause outside the job that is gone already, or failing is how it tells something.",
    silent_when="Runs were cancelled, skipped or blocked: the first is somebody's decision, the others cost nothing. "
    "The job was deleted or is paused; it fails seldom; it has run well since. Failed runs that are lost and cheaper "
    "than a success save nothing when they succeed. Runs without a price, runs across the first day of the window, "
    "and runs on several clusters at once are left out, and provisional days are never read.",
    effort="medium",
    risk="low",
    thresholds=(
        Threshold(
            "minimum_failures", Decimal(3), Decimal(1), Decimal(1000), "count",
            "Runs with a failed attempt in the window.",
        ),
        Threshold(
            "minimum_days", Decimal(3), Decimal(1), Decimal(30), "days",
            "Days of the window on which that must happen.",
        ),
    ),
)  # fmt: skip
