"""Reports that are made by themselves: of a month once it is closed, of a week once its days are final."""

from collections.abc import Iterator
from datetime import timedelta

from psycopg.types.json import Jsonb

from costpulse_assets.errors import BadInput
from costpulse_assets.periods import Period, whole_month
from costpulse_assets.reports.report_request import ReportRequest, checked_request
from costpulse_assets.reports.requests import request_report
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import ReportSchedule, Settings

#: Who asks for them.
SCHEDULE = "schedule"

#: A month that was closed longer ago gets no report by itself: whoever sets a schedule up has seen it.
_CLOSED_WITHIN = timedelta(days=7)
_WEEK = timedelta(days=7)


def request_scheduled(database: Database, settings: Settings) -> tuple[list[int], list[str]]:
    """Asks for what is due by the setting report_schedules and was not asked for yet.

    Args:
        database: as the owner of the schema.
        settings: schedules, today.

    Returns:
        Rows of `reports`, and why a schedule cannot be kept.
    """
    requested, problems = [], []
    for schedule in settings.report_schedules:
        try:
            with database.transaction() as connection:
                for period, closing_id in _due(connection, schedule, settings):
                    request = _request(schedule, period)
                    if not _was_asked_for(connection, request, closing_id):
                        options = {} if closing_id is None else {"closing": closing_id}
                        requested.append(request_report(connection, request, requested_by=SCHEDULE, options=options))
        except BadInput as error:
            problems.append(str(error))
    return requested, problems


def _due(connection: Connection, schedule: ReportSchedule, settings: Settings) -> Iterator[tuple[Period, int | None]]:
    """The periods, months with their closing: a month that is opened and closed again is told again."""
    if schedule.every == "month":
        for row in run(connection, "reports/schedule_months", {"since": current_time(settings) - _CLOSED_WITHIN}):
            yield whole_month(row["month"]), row["closing_id"]
        return
    today = settings.current_date()
    monday = today - timedelta(days=today.weekday())
    week = Period(monday - _WEEK, monday - timedelta(days=1))
    if run(connection, "reports/schedule_weeks", {"first_day": week.first, "last_day": week.last}):
        yield week, None


def _request(schedule: ReportSchedule, period: Period) -> ReportRequest:
    return checked_request(
        report_type=schedule.type,
        format=schedule.format,
        first_day=period.first,
        last_day=period.last,
        team=schedule.team,
        channels=schedule.channels,
    )


def _was_asked_for(connection: Connection, request: ReportRequest, closing_id: int | None) -> bool:
    parameters = {
        "requested_by": SCHEDULE,
        "report_type": request.report_type,
        "format": request.format,
        "first_day": request.first_day,
        "last_day": request.last_day,
        "team": request.team,
        "channels": Jsonb(list(request.channels)),
        "closing_id": closing_id,
    }
    return bool(run(connection, "reports/schedule_made", parameters))
