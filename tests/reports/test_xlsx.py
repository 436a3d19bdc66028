"""Workbooks opened again: totals against the database, what Excel makes of a cell, and that no text does harm."""

import re
import resource
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from costpulse_assets.periods import Period
from costpulse_assets.reports.formats.text_cells import harmless
from costpulse_assets.reports.formats.xlsx import sheet_name, write
from costpulse_assets.reports.report import Chart, Column, Report, Table
from costpulse_assets.reports.report_request import checked_request
from costpulse_assets.reports.report_types import build
from costpulse_assets.resources.database import Connection, Database
from tests.conftest import database
from tests.reports import books as books_of_reports
from tests.reports.rows import FIRST, HOSTILE, PROVISIONAL, Put, detail, expected_rows, put, put_many, report, table

HEADER_ROW = 4


@pytest.fixture(scope="module")
def module_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """A migrated database that is empty for every test."""
    with database(postgres_server, template=migrated_template) as url:
        yield url


@pytest.fixture
def connection(module_url: str) -> Iterator[Connection]:
    """A transaction that leaves nothing."""
    with Database(module_url).transaction() as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report.xlsx"


def written(path: Path, connection: Connection, of: Report, **options: Any) -> openpyxl.Workbook:
    write(of, path, connection, **options)
    return openpyxl.load_workbook(path)


def values(sheet: Any, first_row: int = HEADER_ROW) -> list[tuple[object, ...]]:
    return list(sheet.iter_rows(min_row=first_row, values_only=True))


def cents(value: object) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def test_a_showback_has_the_totals_of_the_database_to_the_cent_on_every_sheet(report_books: str, path: Path) -> None:
    first, last = books_of_reports.FIRST, books_of_reports.TODAY
    request = checked_request(report_type="showback", format="xlsx", first_day=first, last_day=last)
    with Database(report_books).transaction() as books:
        made_at = datetime(2026, 7, 20, 9, tzinfo=report().made_at.tzinfo)
        of = build(books, books_of_reports.SETTINGS, request, team_id=None, made_at=made_at)
        row_count = write(of, path, books)
        total = detail(books, Period(first, last)).total

    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Summary", *(table.title for table in of.tables), "Detail", "Notes"]
    for shown in of.tables:
        sheet = book[shown.title]
        at = [column.key for column in shown.columns].index("cost_usd")
        rows = values(sheet, HEADER_ROW + 1)[: len(shown.rows) + 1]
        assert cents(rows[-1][at]) == cents(total)
        assert abs(sum(Decimal(str(row[at] or 0)) for row in rows[:-1]) - total) < Decimal("0.00001")
    assert [row[0] for row in values(book["By team"], HEADER_ROW + 1)].count("Unallocated") == 1
    rows = values(book["Detail"], HEADER_ROW + 1)
    cost = [column.key for column in of.detail.columns].index("cost_usd")  # type: ignore[union-attr]
    assert row_count == len(rows) > 500
    assert abs(sum(Decimal(str(row[cost] or 0)) for row in rows) - total) < Decimal("0.00001")
    assert cents(book["Detail"].cell(HEADER_ROW - 1, cost + 1).value) == cents(total)
    figures = {row[0]: row[1] for row in values(book["Summary"], HEADER_ROW + 1)}
    assert cents(figures["Total cost"]) == cents(total) != 0
    assert book["Summary"]._charts  # openpyxl has no public list of them
    assert all(sheet["A3"].value == of.provisional is not None for sheet in book)


def test_numbers_are_numbers_and_look_like_what_they_are(connection: Connection, path: Path) -> None:
    sheet = written(path, connection, report())["By team"]

    team, since, cost, quantity, share, jobs, is_final = sheet[HEADER_ROW + 1]
    assert (team.value, team.data_type) == ("Platform", "s")
    assert (f"{since.value:%Y-%m-%d %H:%M}", since.number_format) == ("2026-10-01 00:00", "yyyy-mm-dd")
    assert (cost.value, cost.number_format) == (800.1, "$#,##0.00")
    assert (quantity.value, quantity.number_format) == (1e-18, "#,##0.00")
    assert (share.value, share.number_format) == (0.648, "0.0%")
    assert (jobs.value, jobs.number_format) == (12, "#,##0")
    assert (is_final.value, is_final.data_type) == (True, "b")
    unallocated = sheet[HEADER_ROW + 2]
    assert [cell.value for cell in unallocated] == ["Unallocated", None, -434.467890123456789, 0, None, 0, False]
    totals = sheet[HEADER_ROW + 3]
    assert [cell.value for cell in totals] == ["Total", None, 365.632109876543210, None, 1, 12, None]
    assert all(cell.font.bold for cell in totals if cell.value is not None)
    assert sheet.cell(HEADER_ROW + 5, 1).value == "Unallocated is what no rule claims."


def test_headers_stay_and_filters_are_over_the_rows_without_the_totals(connection: Connection, path: Path) -> None:
    put(connection, [Put(), Put(product="SQL")])

    book = written(path, connection, report(detail=detail(connection)))

    assert {name: book[name].freeze_panes for name in ("By team", "Detail", "Notes")} == dict.fromkeys(
        ("By team", "Detail", "Notes"), "A5"
    )
    assert (book["By team"].auto_filter.ref, book["Detail"].auto_filter.ref) == ("A4:G6", "A4:N6")
    assert [book[name].print_title_rows for name in ("By team", "Detail")] == ["$4:$4", "$4:$4"]
    assert [cell.value for cell in book["By team"][HEADER_ROW]] == [
        column.title for column in report().tables[0].columns
    ]
    assert all(cell.font.bold for cell in book["By team"][HEADER_ROW])
    assert book["By team"].column_dimensions["A"].width > 20


def test_the_detail_is_every_row_of_the_statement_in_its_order(report_books: str, path: Path) -> None:
    with Database(report_books).transaction() as books:
        of = detail(books, Period(books_of_reports.MAY, books_of_reports.MAY.replace(day=9)))
        expected = [tuple(row.values()) for row in expected_rows(books, of)]
        book = written(path, books, report(detail=of))

    def cell(value: object) -> object:
        if isinstance(value, Decimal):
            return float(f"{value:.16g}")
        return harmless(value) if isinstance(value, str) else value

    read = [
        (row[0].date(), *row[1:])  # type: ignore[attr-defined]
        for row in values(book["Detail"], HEADER_ROW + 1)
    ]
    assert read == [tuple(cell(value) for value in row) for row in expected]


def test_charts_show_the_numbers_that_stand_on_the_summary(connection: Connection, path: Path) -> None:
    summary = written(path, connection, report())["Summary"]

    by_day, by_team, trend = summary._charts
    assert [type(chart).__name__ for chart in (by_day, by_team, trend)] == ["BarChart", "BarChart", "LineChart"]
    assert (by_day.type, by_day.grouping, by_team.type) == ("col", "stacked", "bar")
    assert len(by_day.series) == 2
    for chart, expected in zip((by_day, by_team, trend), report().charts, strict=True):
        for series, (name, amounts) in zip(chart.series, expected.series, strict=True):
            assert series.tx.v == name
            (shown,) = zip(*summary[series.val.numRef.f.rpartition("!")[2].replace("$", "")], strict=True)
            assert [cell.value for cell in shown] == [None if amount is None else float(amount) for amount in amounts]
            (names,) = zip(*summary[series.cat.strRef.f.rpartition("!")[2].replace("$", "")], strict=True)
            assert tuple(cell.value for cell in names) == expected.categories
            # Previews take what is kept in the chart.
            assert [point.v for point in series.cat.strRef.strCache.pt] == list(expected.categories)


def test_what_is_not_final_stands_on_every_sheet_and_on_every_printed_page(connection: Connection, path: Path) -> None:
    put(connection, [Put(product=f"P{number}") for number in range(9)])

    book = written(path, connection, report(detail=detail(connection), provisional=PROVISIONAL), sheet_rows=8)

    assert book.sheetnames == ["Summary", "By team", "Detail", "Detail 2", "Detail 3", "Notes"]
    assert {sheet["A3"].value for sheet in book} == {PROVISIONAL}
    assert {sheet.oddFooter.center.text for sheet in book} == {PROVISIONAL}
    assert {sheet.oddFooter.right.text for sheet in book} == {"&P / &N"}


def test_a_final_period_is_not_called_otherwise(connection: Connection, path: Path) -> None:
    assert {sheet["A3"].value for sheet in written(path, connection, report())} == {None}


def test_a_detail_longer_than_a_sheet_goes_on_on_the_next_and_the_notes_say_so(
    connection: Connection, path: Path
) -> None:
    put_many(connection, 100)
    of = detail(connection)

    book = written(path, connection, report(detail=of), sheet_rows=HEADER_ROW + 40)

    sheets = [book["Detail"], book["Detail 2"], book["Detail 3"]]
    assert [sheet.max_row - HEADER_ROW for sheet in sheets] == [40, 40, 20]
    assert [sheet.auto_filter.ref for sheet in sheets] == ["A4:N44", "A4:N44", "A4:N24"]
    assert {sheet["A4"].value for sheet in sheets} == {"Day"}
    skus = [row[7] for sheet in sheets for row in values(sheet, HEADER_ROW + 1)]
    assert skus == [row["sku_name"] for row in expected_rows(connection, of)]
    notes = dict(values(book["Notes"], HEADER_ROW + 1))  # type: ignore[arg-type]
    assert notes["Detail on several sheets"] == (
        "A sheet holds at most 44 rows, so the detail goes on: Detail, Detail 2, Detail 3."
    )
    assert notes["Cost"] == "List price less what was agreed."


def test_a_detail_that_just_fits_has_one_sheet(connection: Connection, path: Path) -> None:
    put_many(connection, 40)

    book = written(path, connection, report(detail=detail(connection)), sheet_rows=HEADER_ROW + 40)

    assert book.sheetnames == ["Summary", "By team", "Detail", "Notes"]
    assert "Detail on several sheets" not in dict(values(book["Notes"]))  # type: ignore[arg-type]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.lists(
        st.text()
        | st.text(st.sampled_from("=+-@\t\r\n \u200b\u202e<r>/&_x0041\ud800\ufffe\U0001f600]:*?'\\"))
        | st.sampled_from(HOSTILE),
        min_size=1,
        max_size=6,
    )
)
@example(list(HOSTILE))
def test_any_text_is_a_text_wherever_it_stands_and_the_file_opens(
    connection: Connection, path: Path, names: list[str]
) -> None:
    rows = [(name, None, Decimal(1), None, None, None, None) for name in names]
    hostile = report(
        title=names[0],
        subtitle=names[-1],
        provisional=names[0],
        sentences=tuple(names),
        charts=(Chart(names[0], "columns", tuple(names), ((names[0], tuple(Decimal(1) for _ in names)),)),),
        tables=(replace(table(rows), note=names[0]), table([], title=names[0])),
        notes=tuple((name, name) for name in names),
    )

    book = written(path, connection, hostile)

    shown = values(book["By team"] if "By team" in book.sheetnames else book.worksheets[1], HEADER_ROW + 1)
    assert [row[0] or "" for row in shown[: len(names)]] == [as_read(name) for name in names]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert not any(cell.data_type == "f" or cell.hyperlink for cell in cells)
    assert not any(str(cell.value).startswith(("=", "+", "@")) for cell in cells)
    with zipfile.ZipFile(path) as parts:
        for name in parts.namelist():
            ElementTree.fromstring(parts.read(name))


def as_read(text: str) -> str:
    """A text as openpyxl reads it: it leaves Excel's escape of what looks like an escape as it is."""
    return re.sub(r"(_x[0-9a-fA-F]{4}_)", r"_x005F\1", harmless(text))


def test_there_are_no_formulas_links_or_macros_in_the_file(connection: Connection, path: Path) -> None:
    put(connection, [Put(product="http://example.com"), Put(product="=1+1"), Put(product="0012")])

    book = written(path, connection, report(detail=detail(connection)))

    assert {row[6] for row in values(book["Detail"], HEADER_ROW + 1)} == {"http://example.com", "'=1+1", "0012"}
    with zipfile.ZipFile(path) as parts:
        names = parts.namelist()
        assert not any("externalLink" in name or "vba" in name for name in names)
        assert not any(b"<f>" in parts.read(name) for name in names if "worksheets/" in name)
        assert not any(b"TargetMode" in parts.read(name) for name in names)


@given(st.lists(st.text() | st.text(st.sampled_from("[]:*?/\\' aB\U0001f600")) | st.just("History"), max_size=12))
@example(["A" * 40, "a" * 40, "", "'", "History", "By/team", "By\\team"])
def test_any_title_becomes_a_name_that_excel_allows_and_no_two_are_the_same(titles: list[str]) -> None:
    taken = {"history"}
    for title in titles:
        name = sheet_name(title, taken)
        assert 1 <= len(name.encode("utf-16-le")) // 2 <= 31
        assert not set(name) & set("[]:*?/\\")
        assert name == name.strip("' ")
        assert name.casefold() not in taken
        taken.add(name.casefold())


def test_the_same_report_is_the_same_file(connection: Connection, path: Path, tmp_path: Path) -> None:
    put_many(connection, 50)
    of = report(detail=detail(connection))

    write(of, path, connection)
    write(of, tmp_path / "again.xlsx", connection)

    assert path.read_bytes() == (tmp_path / "again.xlsx").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["again.xlsx", "report.xlsx"]


@pytest.mark.parametrize("limit", [3_000, 60_000])
def test_a_full_disk_is_an_error_of_the_system_and_leaves_nothing_beside_the_file(
    connection: Connection, path: Path, tmp_path: Path, limit: int
) -> None:
    """The limit on the size of a file is met by the rows of the detail, or by the workbook itself."""
    put_many(connection, 3_000 if limit == 3_000 else 200)
    of = report(detail=detail(connection))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write(of, path, connection)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert [file.name for file in tmp_path.iterdir()] in ([], ["report.xlsx"])


def test_a_folder_that_is_not_there_is_an_error_of_the_system(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(report(), tmp_path / "nowhere" / "report.xlsx", connection)


def test_a_total_is_written_where_its_column_is_also_when_it_is_the_first(connection: Connection, path: Path) -> None:
    put(connection, [Put(cost=Decimal("-0.005"), day=FIRST)])
    of = replace(detail(connection), columns=(Column("cost_usd", "Cost", "usd"),))

    sheet = written(path, connection, report(detail=of, tables=(Table("By nothing", of.columns, []),)))["Detail"]

    assert [row[0] for row in values(sheet, HEADER_ROW - 1)] == [-0.005, "Cost", -0.005]
