"""Asking for a report: a row of `reports` that waits to be made."""

from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches

import psycopg
from psycopg.types.json import Jsonb

from costpulse_assets.channel_addresses import ChannelAddress
from costpulse_assets.errors import BadInput
from costpulse_assets.periods import Period, whole_month
from costpulse_assets.reports.report_request import ReportRequest, ReportType
from costpulse_assets.resources.database import Connection, Row, run

TYPE_TITLES: dict[ReportType, str] = {
    "showback": "Showback",
    "chargeback": "Chargeback",
    "executive": "Executive summary",
    "team": "Team report",
    "statement": "Statement",
}

_LONGEST_NAME = 200


def request_report(
    connection: Connection,
    request: ReportRequest,
    *,
    requested_by: str,
    options: Mapping[str, str | int] | None = None,
) -> int:
    """Writes a request down; a sensor has it made within a minute.

    Args:
        connection: as the owner or the app, with an open transaction.
        request: checked already.
        requested_by: who asks, for the row and the audit log.
        options: more for the row: `file` is what a FOCUS report of one month is written as (parquet, csv), `closing`
            that of the month for which a schedule asks.

    Returns:
        The number of the report.

    Raises:
        BadInput: there is no such team, a channel is none, nobody is named, or the person may not see that cost.
    """
    actor = requested_by.strip()[:_LONGEST_NAME]
    if not actor:
        raise BadInput("Nobody is named who asks for the report.", next_step="Say who asks: it is written down.")
    channels = [_channel(channel) for channel in request.channels]
    team = None if request.team is None else _team(connection, request.team)
    focus = {"focus_version": request.focus_version, "split": request.split} if request.format == "focus" else {}
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor])
    parameters = {
        "name": report_name(request, None if team is None else team["name"]),
        "report_type": request.report_type,
        "format": request.format,
        "requested_by": actor,
        "first_day": request.first_day,
        "last_day": request.last_day,
        "team_id": None if team is None else team["id"],
        "team_name": None if team is None else team["name"],
        "options": Jsonb({**focus, **(options or {})}),
        "channels": Jsonb(list(dict.fromkeys(channels))),
    }
    try:
        return int(run(connection, "reports/request_insert", parameters)[0]["id"])
    except psycopg.errors.InsufficientPrivilege as error:
        raise BadInput(
            "This report holds the cost of teams that are not yours.",
            next_step="Ask for the report of one of your own teams.",
        ) from error


def report_name(request: ReportRequest, team: str | None) -> str:
    """Name as people read it: "Showback of all teams, November 2026"."""
    if request.format == "focus":
        return f"FOCUS {request.focus_version}, {period_words(request.period)}"
    return f"{TYPE_TITLES[request.report_type]} of {team or 'all teams'}, {period_words(request.period)}"


def period_words(period: Period) -> str:
    """Whole months by their names, all else by its days: October to November 2026, 2 to 8 Nov 2026."""
    first, last = period.first, period.last
    if first.day == 1 and (last + timedelta(days=1)).day == 1:
        if period == whole_month(first):
            return f"{first:%B %Y}"
        return f"{first:%B} to {last:%B %Y}" if first.year == last.year else f"{first:%B %Y} to {last:%B %Y}"
    ending = f"{last.day} {last:%b %Y}"
    if first == last:
        return ending
    if first.year != last.year:
        return f"{first.day} {first:%b %Y} to {ending}"
    return f"{first.day} to {ending}" if first.month == last.month else f"{first.day} {first:%b} to {ending}"


def stored_request(row: Row) -> ReportRequest:
    """What was asked for, from a row of `reports`."""
    return ReportRequest(
        report_type=row["report_type"],
        format=row["format"],
        first_day=row["period_first"],
        last_day=row["period_last"],
        team=row["team_name"],
        channels=tuple(row["channels"]),
        **{name: row["options"][name] for name in ("focus_version", "split") if name in row["options"]},
    )


def _channel(text: str) -> str:
    try:
        return str(ChannelAddress.parse(text))
    except ValueError as error:
        raise BadInput(f"The report cannot be told of: {error}.", next_step="Correct the channel.") from None


def _team(connection: Connection, name: str) -> Row:
    found = run(connection, "reports/request_team", {"name": name})
    if found:
        return found[0]
    names = {row["name"].casefold(): row["name"] for row in run(connection, "reports/request_team_names")}
    close = [names[match] for match in get_close_matches(name.strip().casefold(), names, n=3)]
    if close:
        way_out = f"Did you mean {', '.join(close[:-1])}{' or ' if len(close) > 1 else ''}{close[-1]}?"
    else:
        way_out = "Look at the teams on the page Allocation, or leave the team out for all of them."
    raise BadInput(f"There is no team {name.strip()}.", next_step=way_out)
