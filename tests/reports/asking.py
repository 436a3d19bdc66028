"""Reports asked for and made as the pipeline does, over costs typed by hand."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from costpulse_assets.periods import whole_month
from costpulse_assets.reports.making import Made, make_report
from costpulse_assets.reports.report_request import checked_request
from costpulse_assets.reports.requests import request_report
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings
from tests.pipeline import pretend_today

MARCH = date(2026, 3, 1)
TODAY = date(2026, 6, 10)


@dataclass
class Desk:
    """A database with a folder of reports."""

    database: Database
    settings: Settings

    @classmethod
    def of(cls, database: Database, folder: Path, **settings: Any) -> "Desk":
        return cls(database, pretend_today(TODAY, reports_dir=folder, **settings))

    @property
    def folder(self) -> Path:
        assert self.settings.reports_dir is not None
        return self.settings.reports_dir

    def ask(self, month: date = MARCH, *, by: str = "ada@example.com", **fields: Any) -> int:
        """A showback of the month as CSV, unless the fields say otherwise."""
        period = whole_month(month)
        asked = {"report_type": "showback", "format": "csv", "first_day": period.first, "last_day": period.last}
        with self.database.transaction() as connection:
            return request_report(connection, checked_request(**{**asked, **fields}), requested_by=by)

    def make(self, report_id: int, run_id: str = "a run") -> Made:
        return make_report(self.database, self.settings, report_id, run_id=run_id)

    def row(self, report_id: int) -> dict[str, Any]:
        (row,) = self.query("select * from costpulse.reports where id = %s", report_id)
        return row

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.database.transaction() as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def files(self) -> list[str]:
        """Everything in the folder of reports, what is hidden as well."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*"))
