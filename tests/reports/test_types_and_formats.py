"""Every type of report as CSV, Parquet and Excel, opened again: its totals are those of the database."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pyarrow import parquet

from costpulse_assets.periods import Period, whole_month
from costpulse_assets.reports.formats.write import write
from costpulse_assets.reports.report import Report
from costpulse_assets.reports.report_request import REPORT_TYPES, ReportFormat, checked_request
from costpulse_assets.reports.report_types import build
from costpulse_assets.resources.database import Connection, Database
from tests.conftest import database
from tests.reports.books import FIRST, MAY, SETTINGS, TODAY

HEADER_ROW = 4


@pytest.fixture(scope="module")
def books(postgres_server: str, report_books_template: str) -> Iterator[Database]:
    """Books that tests read only."""
    with database(postgres_server, template=report_books_template) as url:
        yield Database(url)


def of_type(connection: Connection, report_type: str, report_format: ReportFormat) -> tuple[Report, Decimal]:
    """A report of all teams (a statement: of May), and what the database says it costs."""
    period = whole_month(MAY) if report_type == "statement" else Period(FIRST, TODAY)
    request = checked_request(
        report_type=report_type, format=report_format, first_day=period.first, last_day=period.last
    )
    report = build(connection, SETTINGS, request, team_id=None, made_at=datetime(2026, 7, 20, 9, tzinfo=UTC))
    if report_type == "statement":
        query = "select sum(cost_usd) from costpulse.statement_lines where booked_month = %s and voided_at is null"
        found = connection.execute(query, [MAY]).fetchone()
    else:
        query = "select sum(cost_usd) from costpulse.daily_costs where usage_date between %s and %s"
        found = connection.execute(query, [period.first, period.last]).fetchone()
    assert found is not None
    return report, found["sum"]


@pytest.mark.parametrize("report_type", REPORT_TYPES)
@pytest.mark.parametrize("report_format", ["csv", "parquet"])
def test_a_flat_file_adds_up_to_the_last_digit(
    books: Database, tmp_path: Path, report_type: str, report_format: ReportFormat
) -> None:
    path = tmp_path / "report"
    with books.transaction() as connection:
        report, total = of_type(connection, report_type, report_format)
        row_count = write(report, report_format, path, connection)

    rows = read(path, report_format)
    if report.report_type == "executive":
        (cost,) = [row["value"] for row in rows if row["label"] == "Total cost"]
        assert (row_count, Decimal(cost)) == (None, total)
        assert rows[-1]["note"] == report.provisional
    else:
        assert sum(Decimal(row["cost_usd"] or 0) for row in rows) == total != 0
        assert row_count in (None, len(rows))
        assert any(row.get("team") == "Unallocated" for row in rows) == (row_count is not None)


@pytest.mark.parametrize("report_type", REPORT_TYPES)
def test_a_workbook_adds_up_to_the_cent(books: Database, tmp_path: Path, report_type: str) -> None:
    path = tmp_path / "report.xlsx"
    with books.transaction() as connection:
        report, total = of_type(connection, report_type, "xlsx")
        row_count = write(report, "xlsx", path, connection)

    book = openpyxl.load_workbook(path)
    assert len(book.sheetnames) == len(report.tables) + 2 + (report.detail is not None)
    summary = {row[0]: row[1] for row in book["Summary"].iter_rows(min_row=HEADER_ROW + 1, values_only=True)}
    assert cents(summary[report.figures[0].label]) == cents(total) != 0
    assert book["Summary"]._charts  # openpyxl has no public list of them
    assert {sheet["A3"].value for sheet in book} == {report.provisional}
    for table, sheet in zip(report.tables, book.worksheets[1:], strict=False):
        shown = list(sheet.iter_rows(min_row=HEADER_ROW + 1, values_only=True))
        assert len(shown) >= len(table.rows)
        if table.totals is not None:
            row = zip(shown[len(table.rows)], table.totals, table.columns, strict=True)
            for value, expected, column in row:
                if column.kind == "usd" and expected is not None:
                    assert cents(value) == cents(expected)
    if report.detail is not None:
        at = [column.key for column in report.detail.columns].index(report.detail.total_key)
        cells = [row[at] for row in book["Detail"].iter_rows(min_row=HEADER_ROW + 1, values_only=True)]
        assert len(cells) == row_count
        assert cents(sum(Decimal(str(cell or 0)) for cell in cells)) == cents(total)


def read(path: Path, report_format: ReportFormat) -> list[dict[str, Any]]:
    if report_format == "parquet":
        return parquet.read_table(path).to_pylist()  # type: ignore[no-any-return]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def cents(value: object) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))
