"""The sensor of reports: what was asked for, or is due by a schedule, is made within half a minute."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from costpulse_assets.jobs import REPORT_MAKING
from costpulse_assets.resources.database import open_database
from costpulse_assets.settings import Settings

#: A report that is being made for so long may be one whose process is gone; the run finds out.
_LONG = timedelta(hours=1)


def report_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor `make_requested_reports`."""

    @dg.sensor(
        job=REPORT_MAKING,
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for the reports that schedules are for, makes those that were asked for, and once a day "
        "deletes the files whose time is over.",
    )
    def make_requested_reports(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        # Only here: what a request is made of is not needed to load the definitions.
        from costpulse_assets.reports.schedules import request_scheduled

        now = datetime.now(UTC)
        with open_database(settings) as database:
            scheduled, problems = request_scheduled(database, settings)
            (due,) = database.rows("reports/making_due", {"running_since": now - _LONG})
        for problem in problems:
            context.log.warning(f"A scheduled report cannot be asked for: {problem}")
        if scheduled:
            context.log.info(f"{len(scheduled)} reports are due by their schedule.")
        if not due["requested"] and not due["running_long"]:
            # Once a day all the same: files expire, and people see that it works.
            return dg.RunRequest(run_key=f"reports {now:%Y-%m-%d}")
        # One run for what waits now, and another one every hour should that not get to it.
        return dg.RunRequest(run_key=f"reports up to {due['newest_requested']} {now:%Y-%m-%d %H}")

    return make_requested_reports
