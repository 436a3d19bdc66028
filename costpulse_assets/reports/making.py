"""Making a report that was asked for: once, from one state of the database, to a file that is whole or not there.

    requested --claim--> running --the file has its name--> ready --expires_at--> expired
                         running --any failure, or its process is gone--> failed

Whoever makes a report holds a lock of the database as long as it takes. The lock goes with its holder, so that a report
that is running and not locked has been left by a process that died, and nobody need wait to know.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from psycopg.types.json import Jsonb

from costpulse_assets.alerts.message import Figure, Message
from costpulse_assets.errors import AlreadyRunning, BadInput, CostPulseError, DatabaseUnavailable, ReportFailed
from costpulse_assets.periods import Period, whole_month
from costpulse_assets.reports.files import (
    publish,
    remove,
    remove_leftovers,
    reports_folder,
    temporary_beside,
)
from costpulse_assets.reports.requests import stored_request
from costpulse_assets.resources.database import Connection, Database, Row, named_database_errors, run
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import Settings

_ASK_AGAIN = "Ask for the report again."


@dataclass(frozen=True)
class Made:
    """A report that is ready.

    Attributes:
        report_id: row of `reports`.
        name: as people read it.
        path: its file, or its folder.
        checksum: SHA-256, as files.Contents has it.
        size_bytes: of all files.
        row_count: rows of detail; None: it has none.
        is_provisional: days of its period are not final.
        summary: its figures by name.
    """

    report_id: int
    name: str
    path: Path
    checksum: str
    size_bytes: int
    row_count: int | None
    is_provisional: bool
    summary: dict[str, str]


@dataclass(frozen=True)
class _Written:
    row_count: int | None
    is_provisional: bool
    summary: dict[str, str]


def make_report(database: Database, settings: Settings, report_id: int, *, run_id: str) -> Made:
    """Makes one report that waits, and tells its channels of it.

    Args:
        database: as the owner of the schema.
        settings: folder of reports, days they are kept.
        report_id: row of `reports`.
        run_id: of Dagster, for the row.

    Raises:
        AlreadyRunning: another process makes it, or has made it just now.
        BadInput: there is no such report, or it does not wait.
        CostPulseError: it could not be made; the row is failed and says why, and nothing is left of its file.
    """
    with database.transaction() as connection:
        # Figures, tables and detail are read by many statements, and have to be of one state of the database.
        connection.execute("set transaction isolation level repeatable read")
        asked = _claim(connection, database, report_id, run_id)
        try:
            return _make(connection, database, settings, asked)
        except BaseException as error:
            failure = _named(error, asked["name"])
            _fail(database, asked, failure)
            # What is no Exception (an interrupt) goes on as it is.
            if failure is error or not isinstance(error, Exception):
                raise
            raise failure from error


def requested_reports(database: Database) -> list[int]:
    """The reports that wait to be made, those first that were asked for first."""
    return [row["id"] for row in database.rows("reports/making_requested")]


def fail_abandoned(database: Database, settings: Settings) -> list[int]:
    """Fails the reports whose process is gone, and deletes what it left; their numbers."""
    problem = f"The process that made it ended before it was done. Next step: {_ASK_AGAIN}"
    with database.transaction() as connection:
        abandoned = run(connection, "reports/making_abandoned", {"now": datetime.now(UTC), "problem": problem})
        for row in abandoned:
            _tell_of_failure(connection, row, problem)
    for row in abandoned:
        remove_leftovers(settings, row["id"])
    return [row["id"] for row in abandoned]


def _claim(connection: Connection, database: Database, report_id: int, run_id: str) -> Row:
    """Takes the lock of the report on the connection, which holds it to its end, and writes that it is being made."""
    (lock,) = run(connection, "reports/making_lock", {"id": report_id})
    if not lock["is_ours"]:
        raise AlreadyRunning(
            f"Report {report_id} is being made by another process.", next_step="Wait until it is ready."
        )
    with database.transaction() as books:
        parameters = {"id": report_id, "run_id": run_id, "now": datetime.now(UTC)}
        claimed = run(books, "reports/making_claim", parameters)
        state = run(books, "reports/making_state", {"id": report_id})
    if claimed:
        return claimed[0]
    if not state:
        raise BadInput(f"There is no report {report_id}.", next_step="Look at the list of reports.")
    if state[0]["status"] == "ready":
        raise AlreadyRunning(f"Report {report_id} is ready already.", next_step="Download it.")
    raise BadInput(f"Report {report_id} does not wait to be made: it is {state[0]['status']}.", next_step=_ASK_AGAIN)


def _make(connection: Connection, database: Database, settings: Settings, asked: Row) -> Made:
    target = reports_folder(settings) / _file_name(asked)
    with temporary_beside(target) as part:
        with named_database_errors():
            written = _write(connection, settings, asked, part)
        contents = publish(part, target)
    try:
        finished_at = datetime.now(UTC)
        expires_at = finished_at + timedelta(days=settings.report_retention_days)
        made = Made(
            report_id=asked["id"],
            name=asked["name"],
            path=target,
            checksum=contents.checksum,
            size_bytes=contents.size_bytes,
            row_count=written.row_count,
            is_provisional=written.is_provisional,
            summary=written.summary,
        )
        with database.transaction() as books:
            row = {
                "id": asked["id"],
                "run_id": asked["run_id"],
                "file_path": target.name,
                "checksum": made.checksum,
                "size_bytes": made.size_bytes,
                "row_count": made.row_count,
                "is_provisional": made.is_provisional,
                "summary": Jsonb(made.summary),
                "now": finished_at,
                "expires_at": expires_at,
            }
            if not run(books, "reports/making_ready", row):
                raise ReportFailed(f"{made.name} was given up while it was being made.", next_step=_ASK_AGAIN)
            _tell(books, asked, _message_of(made, expires_at))
    except BaseException:
        # A file that no row names would never go.
        remove(target)
        raise
    return made


def _write(connection: Connection, settings: Settings, asked: Row, part: Path) -> _Written:
    # Only here: with all that a report says, these take their time to load.
    from costpulse_assets.reports.formats.write import write
    from costpulse_assets.reports.report_types import build

    if asked["format"] == "focus":
        return _write_focus(connection, settings, asked, part)
    made_at = current_time(settings)
    request = stored_request(asked)
    report = build(connection, settings, request, team_id=asked["team_id"], made_at=made_at)
    row_count = write(report, request.format, part, connection)
    return _Written(row_count, report.provisional is not None, dict(report.summary))


def _write_focus(connection: Connection, settings: Settings, asked: Row, part: Path) -> _Written:
    from costpulse_assets.reports.focus import export

    request = stored_request(asked)
    target = part
    if request.period == whole_month(request.first_day):
        target = part / f"{focus_file_name(request.period)}.{asked['options'].get('file', 'parquet')}"
    exported = export(connection, settings, request, target, made_at=current_time(settings))
    (state,) = run(
        connection,
        "reports/making_is_provisional",
        {"first_day": request.first_day, "last_day": request.last_day},
    )
    summary = {"Rows": f"{exported.row_count:,}", "Billing months": str(len(exported.months))}
    if exported.warnings:
        summary["Warnings"] = "; ".join(map(str, exported.warnings))
    return _Written(exported.row_count, state["is_provisional"], summary)


def focus_file_name(month: Period) -> str:
    """Name of a file of FOCUS, without its ending."""
    return f"focus-{month.first:%Y-%m}"


def _file_name(asked: Row) -> str:
    """Of our own words only: no name from the data ever becomes a path."""
    kind = "focus" if asked["format"] == "focus" else asked["report_type"]
    ending = "" if asked["format"] == "focus" else f".{asked['format']}"
    return f"{asked['id']}-{kind}-{asked['period_first']}-{asked['period_last']}{ending}"


def _named(error: BaseException, name: str) -> CostPulseError:
    if isinstance(error, CostPulseError):
        return error
    if isinstance(error, Exception):
        return ReportFailed(
            f"{name} could not be made: {type(error).__name__}: {error}.",
            next_step="Report this sentence; the run of Dagster has all of it.",
        )
    return ReportFailed(f"{name} was interrupted.", next_step=_ASK_AGAIN)


def _fail(database: Database, asked: Row, failure: CostPulseError) -> None:
    problem = " ".join(str(failure).split())
    # If the database is gone, that is what failed; the next run finds the report abandoned.
    with suppress(DatabaseUnavailable), database.transaction() as books:
        row = {"id": asked["id"], "run_id": asked["run_id"], "now": datetime.now(UTC), "problem": problem}
        if run(books, "reports/making_failed", row):
            _tell_of_failure(books, asked, problem)


def _tell_of_failure(connection: Connection, asked: Row, problem: str) -> None:
    view = f"/reports?id={asked['id']}"
    message = Message(title=f"{asked['name']} could not be made", text=problem, severity="warning", view=view)
    _tell(connection, asked, message)


def _message_of(made: Made, expires_at: datetime) -> Message:
    return Message(
        title=f"{made.name} is ready",
        text=f"It can be downloaded until {expires_at.day} {expires_at:%b %Y}.",
        severity="info",
        figures=tuple(Figure(label=label, text=text) for label, text in made.summary.items()),
        notes=("Days of the period are not final: figures may change.",) if made.is_provisional else (),
        view=f"/reports?id={made.report_id}",
    )


def _tell(connection: Connection, asked: Row, message: Message) -> None:
    parameters = {
        "key": f"report/{asked['id']}",
        "severity": message.severity,
        "channels": Jsonb(asked["channels"]),
        "content": Jsonb(message.model_dump(mode="json")),
        "now": datetime.now(UTC),
    }
    run(connection, "reports/making_messages", parameters)
