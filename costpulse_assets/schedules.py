"""When the cost cycle runs: the trailing window several times a day, the whole retention once a week."""

from datetime import date, timedelta

import dagster as dg

from costpulse_assets.jobs import COST_CYCLE
from costpulse_assets.layers import ONLY_CHANGED_TAG
from costpulse_assets.settings import Settings

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def range_tags(first: date, last: date, *, only_changed: bool) -> dict[str, str]:
    """Run tags that make one run of a range of daily partitions."""
    tags = {RANGE_START_TAG: first.isoformat(), RANGE_END_TAG: last.isoformat()}
    return {**tags, ONLY_CHANGED_TAG: "true"} if only_changed else tags


def cost_schedules(settings: Settings, first_day: date) -> list[dg.ScheduleDefinition]:
    """Both schedules, running from the first deployment on."""

    def ask_for(days: int) -> dg.RunRequest:
        today = settings.current_date()
        return dg.RunRequest(
            tags=range_tags(max(first_day, today - timedelta(days=days - 1)), today, only_changed=True)
        )

    @dg.schedule(
        job=COST_CYCLE,
        cron_schedule=settings.collect_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Collects what changed in the last {settings.collect_trailing_days} days.",
    )
    def collect_trailing_days() -> dg.RunRequest:
        return ask_for(settings.collect_trailing_days)

    @dg.schedule(
        job=COST_CYCLE,
        cron_schedule=settings.rescan_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Compares all of the last {settings.retention_days} days with the source.",
    )
    def rescan_retention() -> dg.RunRequest:
        return ask_for(settings.retention_days)

    return [collect_trailing_days, rescan_retention]
