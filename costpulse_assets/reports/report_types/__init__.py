"""One file per type of report: each reads the database and says what the report says."""

from collections.abc import Callable, Mapping
from datetime import datetime

from costpulse_assets.reports.report import Report
from costpulse_assets.reports.report_request import ReportRequest
from costpulse_assets.reports.report_types import chargeback, executive, showback, statement, team
from costpulse_assets.reports.report_types.totals import Asked
from costpulse_assets.resources.database import Connection
from costpulse_assets.settings import Settings

_BUILDERS: Mapping[str, Callable[[Asked], Report]] = {
    "showback": showback.build,
    "chargeback": chargeback.build,
    "team": team.build,
    "executive": executive.build,
    "statement": statement.build,
}


def build(
    connection: Connection, settings: Settings, request: ReportRequest, *, team_id: int | None, made_at: datetime
) -> Report:
    """The contents of a report.

    Args:
        connection: with an open transaction of the owner, in which the detail is read as well: at isolation level
            repeatable read everything in the report is of one moment.
        settings: currency of the price table.
        request: what was asked for.
        team_id: the team of that name, with the teams below it; None: all.
        made_at: when it is made, as the report says it.

    Returns:
        All of it but the detail, which a format streams.

    Raises:
        BadInput: there is no cost in the period, or a statement was asked for of a month that is not closed.
    """
    asked = Asked(connection, request.period, request.team, team_id, made_at, settings.currency)
    return _BUILDERS[request.report_type](asked)
