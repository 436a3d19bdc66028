"""What runs of jobs cost, by the day and as a whole, and how they went."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import dagster as dg

from costpulse_assets.derived_assets import derived_asset
from costpulse_assets.derived_days import DAYS_AT_ONCE, DerivedTable, days_to_build
from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.partitions import only_changed, run_window
from costpulse_assets.periods import newest_first
from costpulse_assets.resources.database import Database, expect_no_rows, run
from costpulse_assets.settings import Settings
from costpulse_assets.table_schema import row_count

JOB_RUN_COSTS = DerivedTable(
    name="job_run_costs",
    upstreams=("job_run_usage", "job_task_days", "daily_key_costs", "node_utilization", "warehouse_uptime"),
    tables=("job_run_costs",),
    check="checks/job_runs_apportion",
)
#: Not a table of days: a run may have several. A changed day makes the runs that touch it due.
JOB_RUNS = DerivedTable(
    name="job_runs",
    upstreams=("job_run_days", "job_run_costs"),
    tables=(),
    check="checks/job_runs_conserve",
)


def rebuild_runs(database: Database, days: list[date], progress: Callable[[str], None] = lambda message: None) -> None:
    """Builds the runs that have, or had, slices or cost on these days anew, each from all of its days.

    Runs of other days keep what they are, but owner, schedule and tags: those are the job's of now in every run.

    Raises:
        InvariantBroken: a run's cost is not the sum of its days; that chunk of days is as it was before.
    """
    done = 0
    for window in newest_first(days, at_most=DAYS_AT_ONCE):
        parameters: dict[str, Any] = {
            "from_date": window.first,
            "to_date": window.last,
            "days": list(window),
            "asset": JOB_RUNS.name,
            "upstreams": list(JOB_RUNS.upstreams),
        }
        with database.writing() as connection:
            run(connection, "transform/stage_job_runs", parameters)
            run(connection, "transform/delete_job_runs")
            run(connection, "transform/job_runs")
            expect_no_rows(
                connection, JOB_RUNS.check, parameters, otherwise="A run would not have the cost of its days"
            )
            run(connection, "transform/built_days", parameters)
        done += len(window)
        progress(f"{done}/{len(days)} days: {JOB_RUNS.name}")
    with database.writing() as connection:
        run(connection, "transform/job_runs_of_changed_jobs")


def job_assets(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """The assets job_run_costs and job_runs."""

    @dg.multi_asset(
        name=JOB_RUNS.name,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        specs=[
            dg.AssetSpec(
                key=JOB_RUNS.name,
                deps=[*JOB_RUNS.upstreams, "job_run_usage", "job_task_days", "jobs"],
                description="Every run of a job: trigger, duration, attempts, result, compute, DBUs and cost, and how "
                "much of it was for failed attempts. Cost is billed, or apportioned by time where the run shared a "
                "cluster or warehouse; apportioned cost is a view of what those cost and never added to it.",
                group_name=Layer.UTILIZATION,
                owners=[OWNER],
                kinds={"postgres"},
                freshness_policy=FRESH_EVERY_DAY,
                metadata={"dagster/table_name": f"costpulse.{JOB_RUNS.name}"},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "runs_have_the_cost_of_their_days",
                asset=JOB_RUNS.name,
                blocking=True,
                description="Every run of the days is there, and costs what its days in job_run_costs add up to.",
            )
        ],
    )
    def job_runs(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        window = run_window(context)
        with named_failures():
            days = days_to_build(database, JOB_RUNS, window.first, window.last, only_changed=only_changed(context))
            rebuild_runs(database, days, progress=context.log.info)
            yield dg.MaterializeResult(
                asset_key=JOB_RUNS.name,
                metadata={
                    "window": str(window),
                    "days whose runs were rebuilt": len(days),
                    "dagster/row_count": row_count(database, JOB_RUNS.name),
                },
            )
            differences = database.rows(JOB_RUNS.check, {"days": days})
        yield dg.AssetCheckResult(
            asset_key=JOB_RUNS.name,
            check_name="runs_have_the_cost_of_their_days",
            passed=not differences,
            metadata={"days checked": len(days), "differences": len(differences)},
        )

    return [
        derived_asset(
            JOB_RUN_COSTS,
            partitions,
            layer=Layer.UTILIZATION,
            deps=["cost_keys"],
            description="What each run of a job cost on each day: billed where the bill names the run, else the share "
            "of its tasks in the time of the cluster or warehouse they ran on. Never add the two.",
            adds_up="Billed cost per day equals job_run_usage; what runs share of a cluster or warehouse is never more "
            "than it cost.",
        ),
        job_runs,
    ]
