"""What the page Reports reads: little, and at every rerun, as reports are made while it is looked at.

`scope` narrows the reports that are seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from psycopg.rows import dict_row

from costpulse_app import people
from costpulse_assets.periods import Period
from costpulse_assets.reports.report_request import ReportFormat, ReportRequest, ReportType, checked_request
from costpulse_assets.resources.sql_files import load_sql

#: What a FOCUS report of one month is written as.
FocusFile = Literal["parquet", "csv"]
#: Reports that are listed at most.
MOST = 200


@dataclass(frozen=True)
class StoredReport:
    """A row of costpulse.reports, see there; `found` counts all that match, listed or not."""

    id: int
    name: str
    report_type: ReportType
    format: ReportFormat
    file_path: str | None
    status: str
    summary: Mapping[str, str]
    requested_by: str
    requested_at: datetime
    period_first: date
    period_last: date
    team_id: int | None
    team_name: str | None
    options: Mapping[str, Any]
    channels: tuple[str, ...]
    is_provisional: bool | None
    checksum: str | None
    size_bytes: int | None
    row_count: int | None
    problem: str | None
    run_id: str | None
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    found: int

    @property
    def period(self) -> Period:
        """The days it is of."""
        return Period(self.period_first, self.period_last)

    @property
    def is_pending(self) -> bool:
        """Whether it is still to be made."""
        return self.status in ("requested", "running")

    @property
    def focus_file(self) -> FocusFile:
        """What a FOCUS file of one month is written as."""
        return "csv" if self.options.get("file") == "csv" else "parquet"

    def request(self) -> ReportRequest:
        """What was asked for, to be asked for again.

        Raises:
            BadInput: such a report cannot be made any more.
        """
        return checked_request(
            report_type=self.report_type,
            format=self.format,
            first_day=self.period_first,
            last_day=self.period_last,
            team=self.team_name,
            channels=self.channels,
            **{name: self.options[name] for name in ("focus_version", "split") if name in self.options},
        )


def now() -> datetime:
    """The present moment, by which one waits."""
    return datetime.now(UTC)


def reports() -> list[StoredReport]:
    """The newest, newest first."""
    return _read({"id": None, "is_pending": False, "most": MOST})


def pending() -> list[StoredReport]:
    """Those that are still to be made, newest first."""
    return _read({"id": None, "is_pending": True, "most": MOST})


def report(number: int) -> StoredReport | None:
    """One; None where it is not there, or not to be seen."""
    rows = _read({"id": number, "is_pending": False, "most": 1})
    return rows[0] if rows else None


def _read(parameters: Mapping[str, Any]) -> list[StoredReport]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(load_sql("app/report_page_reports").encode(), parameters).fetchall()
    return [StoredReport(**row | {"channels": tuple(row["channels"])}) for row in rows]
