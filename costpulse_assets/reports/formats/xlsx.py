"""A report as an Excel workbook: a summary with charts, a sheet per table, the detail, the notes.

Cells hold plain numbers, days and texts; there are no formulas, macros or links. Rows leave memory as they are written.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape

import xlsxwriter
from psycopg import sql
from psycopg.rows import tuple_row
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.utility import xl_rowcol_to_cell_fast
from xlsxwriter.worksheet import Worksheet

from costpulse_assets.reports.formats.text_cells import harmless
from costpulse_assets.reports.report import Chart, Column, Detail, Kind, Report, Table, Value
from costpulse_assets.resources.database import Connection
from costpulse_assets.resources.sql_files import load_sql

#: Rows that a sheet of Excel can have.
SHEET_ROWS = 1_048_576

_NUMBER_FORMATS: dict[Kind, str] = {
    "text": "@",
    "date": "yyyy-mm-dd",
    "usd": "$#,##0.00",
    "quantity": "#,##0.00",
    "percent": "0.0%",
    "integer": "#,##0",
    "boolean": "General",
}
_HEADER_ROW = 3
_DAY_ZERO = date(1899, 12, 30)
_SHAPES = {
    "bars": {"type": "bar"},
    "columns": {"type": "column"},
    "line": {"type": "line"},
    "stacked": {"type": "column", "subtype": "stacked"},
}
# Those of the app.
_COLOURS = ("#1B4AA0", "#EC5A13", "#209B72", "#A3608F", "#7F76F2", "#5C4E2B", "#45072F", "#7B8794")
_PRIMARY, _WARNING, _WARNING_GROUND = "#0B5CAB", "#8A6100", "#FFF4D6"
_CHART_COLUMN, _CHART_ROWS = 5, 16
_PRECISION = (
    "Digits",
    "Excel keeps 15 digits of a number, which is more than cents need; CSV and Parquet keep every digit. Totals come "
    "from the database and are not added up from the cells.",
)

# The same names come again in every day of the detail.
_cell_text = lru_cache(maxsize=1024)(harmless)
_LOOKS_ESCAPED = re.compile("_x[0-9a-fA-F]{4}_")


class _Worksheet(Worksheet):  # type: ignore[misc]  # the library has no types
    """Writes numbers and texts itself, in half the time; and a text that looks like markup of the library as text."""

    def _write_cell(self, row: int, col: int, cell: Any) -> None:
        kind = type(cell).__name__
        if kind not in ("Number", "String"):
            super()._write_cell(row, col, cell)
            return
        style = f' s="{cell.format._get_xf_index()}"' if cell.format else ""  # noqa: SLF001  as the parent does
        start = f'<c r="{xl_rowcol_to_cell_fast(row, col)}"{style}'
        if kind == "Number":
            self.fh.write(f"{start}><v>{cell.number:.16G}</v></c>")
        else:
            self.fh.write(f'{start} t="inlineStr"><is><t xml:space="preserve">{_escaped(cell.string)}</t></is></c>')


@lru_cache(maxsize=1024)
def _escaped(text: str) -> str:
    # Excel reads _x0041_ as a character of its own, unless the first underscore is escaped.
    return escape(_LOOKS_ESCAPED.sub(r"_x005F\g<0>", text))


def write(report: Report, path: Path, connection: Connection, *, sheet_rows: int = SHEET_ROWS) -> int | None:
    """Write the workbook.

    Args:
        report: what to write.
        path: the file, made or replaced; while it is made, a hidden folder beside it holds the rows.
        connection: where the detail is read, in the transaction the report was built in.
        sheet_rows: where the detail goes on on another sheet.

    Returns:
        Rows of detail; None: the report has none.

    Raises:
        OSError: the file cannot be written; a part of it may be there.
    """
    row_count: int | None = None
    with _workbook(path) as book:
        sheets = _Sheets(book, report)
        sheets.summary()
        for table in report.tables:
            sheets.table(table)
        notes = [*report.notes, _PRECISION]
        if report.detail is not None:
            row_count, names = sheets.detail(report.detail, connection, sheet_rows)
            if len(names) > 1:
                split = f"A sheet holds at most {sheet_rows:,} rows, so the detail goes on: {', '.join(names)}."
                notes.append(("Detail on several sheets", split))
        sheets.notes(notes)
    return row_count


@contextmanager
def _workbook(path: Path) -> Iterator[Any]:
    with TemporaryDirectory(prefix=f".{path.name.lstrip('.')}.", dir=path.parent) as folder:
        options = {
            "constant_memory": True,
            "tmpdir": folder,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        }
        book = xlsxwriter.Workbook(path, options)
        # Only a file that needs it gets the larger records.
        book.use_zip64()
        try:
            yield book
            book.close()
        except FileCreateError as error:
            raise error.args[0] from None
        finally:
            # Closing has done so unless something failed.
            with ExitStack() as open_files:
                for sheet in book.worksheets():
                    open_files.callback(sheet.row_data_fh.close)


class _Sheets:
    """The sheets of one report, in the order they are asked for; each says what it is of and what is not final."""

    def __init__(self, book: Any, report: Report) -> None:
        self._book = book
        self._report = report
        self._taken = {"history"}  # Excel keeps it for itself
        self._title = book.add_format({"bold": True, "font_size": 14})
        self._provisional = book.add_format({"bold": True, "font_color": _WARNING, "bg_color": _WARNING_GROUND})
        self._header = book.add_format(
            {"bold": True, "font_color": "#FFFFFF", "bg_color": _PRIMARY, "text_wrap": True, "valign": "vcenter"}
        )
        self._bold = book.add_format({"bold": True})
        self._wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self._of_kind = {
            kind: book.add_format({"num_format": number_format}) for kind, number_format in _NUMBER_FORMATS.items()
        }
        self._totals_of_kind = {
            kind: book.add_format({"num_format": number_format, "bold": True, "top": 1})
            for kind, number_format in _NUMBER_FORMATS.items()
        }
        # A number among figures stands on the left, below its header.
        self._figure_of_kind = {
            kind: book.add_format({"num_format": number_format, "bold": True, "align": "left"})
            for kind, number_format in _NUMBER_FORMATS.items()
        }
        book.set_properties(
            {
                "title": harmless(report.title),
                "subject": harmless(report.subtitle),
                "comments": harmless(report.provisional or ""),
                "created": report.made_at.astimezone(UTC),
            }
        )

    def summary(self) -> None:
        """Figures and sentences on the left with the numbers of the charts below, the charts beside them."""
        sheet = self._sheet("Summary", self._report.title, self._report.subtitle)
        for column, width in enumerate((34, 18, 18, 18)):
            sheet.set_column(column, column, width)
        for column, title in enumerate(("Figure", "Value", "Note")):
            sheet.write_string(_HEADER_ROW, column, title, self._header)
        row = _HEADER_ROW + 1
        for figure in self._report.figures:
            _write(sheet, row, 0, figure.label, "text")
            _write(sheet, row, 1, figure.value, figure.kind, self._figure_of_kind[figure.kind])
            _write(sheet, row, 2, figure.note, "text")
            row += 1
        for sentence in self._report.sentences:
            row += 1
            _write(sheet, row, 0, sentence, "text")
        row += 2
        for number, chart in enumerate(self._report.charts):
            sheet.insert_chart(_HEADER_ROW + number * _CHART_ROWS, _CHART_COLUMN, self._chart(sheet, chart, row))
            row += len(chart.categories) + 3

    def table(self, table: Table) -> None:
        """A table with its totals and its note."""
        last_row = _HEADER_ROW + len(table.rows)
        sheet = self._table_sheet(table.title, table.columns, _widths(table))
        for row, values in enumerate(table.rows, _HEADER_ROW + 1):
            for column, (value, kind) in enumerate(zip(values, _kinds(table.columns), strict=True)):
                _write(sheet, row, column, value, kind, self._of_kind[kind])
        self._filter(sheet, table.columns, last_row)
        if table.totals is not None:
            last_row += 1
            for column, (value, kind) in enumerate(zip(table.totals, _kinds(table.columns), strict=True)):
                _write(sheet, last_row, column, value, kind, self._totals_of_kind[kind])
        if table.note:
            _write(sheet, last_row + 2, 0, table.note, "text")

    def detail(self, detail: Detail, connection: Connection, sheet_rows: int) -> tuple[int, list[str]]:
        """All rows of the detail, on as many sheets as they need; how many rows, and the names of the sheets."""
        columns = detail.columns
        formats = [self._of_kind[kind] for kind in _kinds(columns)]
        sheet = self._detail_sheet(detail, detail.total)
        names, writers = [sheet.name], _writers(sheet, columns)
        row, row_count = _HEADER_ROW, 0
        with connection.cursor("report_detail", row_factory=tuple_row, binary=True) as cursor:
            cursor.itersize = 10_000
            for values in cursor.execute(_detail_statement(detail), detail.parameters):
                row += 1
                if row == sheet_rows:
                    self._filter(sheet, columns, row - 1)
                    sheet = self._detail_sheet(detail)
                    names.append(sheet.name)
                    writers, row = _writers(sheet, columns), _HEADER_ROW + 1
                for column, value in enumerate(values):
                    if value is not None:
                        writers[column](row, column, value, formats[column])
                row_count += 1
        self._filter(sheet, columns, row)
        return row_count, names

    def notes(self, notes: Sequence[tuple[str, str]]) -> None:
        """Definitions, prices, freshness, rules: heading and text."""
        columns = (Column("about", "About"), Column("text", "Text"))
        sheet = self._table_sheet("Notes", columns, (30, 120))
        for row, texts in enumerate(notes, _HEADER_ROW + 1):
            for column, text in enumerate(texts):
                _write(sheet, row, column, text, "text", self._wrapped)

    def _sheet(self, name: str, title: str, subtitle: str) -> Any:
        report = self._report
        sheet = self._book.add_worksheet(self._name(name), _Worksheet)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        # Printed pages are handed on one by one.
        sheet.set_footer(
            f"&L{_footer(f'{report.title}, {report.subtitle}')}&C{_footer(report.provisional or '')}&R&P / &N"
        )
        _write(sheet, 0, 0, title, "text", self._title)
        _write(sheet, 1, 0, subtitle, "text")
        if report.provisional is not None:
            _write(sheet, 2, 0, report.provisional, "text", self._provisional)
        return sheet

    def _table_sheet(
        self, title: str, columns: Sequence[Column], widths: Sequence[float], above: Mapping[int, Value] | None = None
    ) -> Any:
        """A sheet with its header; `above` are values over the header, by column."""
        report = self._report
        sheet = self._sheet(title, title, f"{report.title}, {report.subtitle}")
        for number, value in (above or {}).items():
            kind = columns[number].kind
            _write(sheet, _HEADER_ROW - 1, number, value, kind, self._figure_of_kind[kind])
        for number, (column, width) in enumerate(zip(columns, widths, strict=True)):
            sheet.set_column(number, number, width)
            _write(sheet, _HEADER_ROW, number, column.title, "text", self._header)
        sheet.freeze_panes(_HEADER_ROW + 1, 0)
        sheet.repeat_rows(_HEADER_ROW)
        return sheet

    def _detail_sheet(self, detail: Detail, total: Decimal | None = None) -> Any:
        above: dict[int, Value] = {}
        if total is not None:
            # It is known before the rows are, and over the header it stays in sight.
            at = [column.key for column in detail.columns].index(detail.total_key)
            above = {at - 1: "Total", at: total} if at > 0 else {at: total}
        return self._table_sheet(detail.title, detail.columns, [_width(column) for column in detail.columns], above)

    def _filter(self, sheet: Any, columns: Sequence[Column], last_row: int) -> None:
        sheet.autofilter(_HEADER_ROW, 0, last_row, len(columns) - 1)
        # Identifiers of digits are texts and meant to be.
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{last_row + 1}"})

    def _chart(self, sheet: Any, chart: Chart, row: int) -> Any:
        """The chart over its numbers, which are written from `row` on: title, header, a row per category."""
        first, last = row + 2, row + 1 + len(chart.categories)
        _write(sheet, row, 0, chart.title, "text", self._bold)
        for column, (name, _) in enumerate(chart.series, 1):
            _write(sheet, row + 1, column, name, "text", self._header)
        for number, category in enumerate(chart.categories):
            _write(sheet, first + number, 0, category, "text")
            for column, (_, values) in enumerate(chart.series, 1):
                _write(sheet, first + number, column, values[number], "usd", self._of_kind["usd"])
        drawn = self._book.add_chart(_SHAPES[chart.shape])
        categories = [harmless(category) for category in chart.categories]
        for column, (name, values) in enumerate(chart.series, 1):
            colour = {"color": _COLOURS[(column - 1) % len(_COLOURS)]}
            drawn.add_series(
                {
                    "name": harmless(name),
                    "categories": [sheet.name, first, 0, last, 0],
                    "values": [sheet.name, first, column, last, column],
                    # A preview shows what is kept in the chart itself.
                    "categories_data": categories,
                    "values_data": [None if value is None else float(value) for value in values],
                    **({"line": colour} if chart.shape == "line" else {"fill": colour}),
                }
            )
        drawn.set_title({"name": harmless(chart.title), "name_font": {"size": 12}})
        drawn.set_size({"width": 720, "height": 300})
        amounts = {"num_format": "$#,##0", "major_gridlines": {"visible": True, "line": {"color": "#E4E9EF"}}}
        # Of bars the first category is the lowest, unless told otherwise.
        names = {"reverse": True} if chart.shape == "bars" else {}
        if chart.shape == "bars":
            amounts["label_position"] = "high"
        drawn.set_x_axis(names)
        drawn.set_y_axis(amounts)
        if len(chart.series) == 1:
            drawn.set_legend({"none": True})
        else:
            drawn.set_legend({"position": "bottom"})
        return drawn

    def _name(self, title: str) -> str:
        name = sheet_name(title, self._taken)
        self._taken.add(name.casefold())
        return name


def sheet_name(title: str, taken: set[str]) -> str:
    """A name that Excel allows for a sheet, and that is not `taken` (case-folded): "By team", "Detail 2"."""
    plain = harmless(title)
    for forbidden in "[]:*?/\\":
        plain = plain.replace(forbidden, " ")
    number, ending = 1, ""
    while True:
        name = _cut(plain.strip(" '"), 31 - len(ending)).strip(" '") or "Sheet"
        if (name + ending).casefold() not in taken:
            return name + ending
        number += 1
        ending = f" {number}"


def _cut(text: str, units: int) -> str:
    """So many UTF-16 units of a text at most, and no half character."""
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", errors="ignore")


def _footer(text: str) -> str:
    # All three parts together may have 255 characters, and an ampersand starts a command.
    return _cut(harmless(text), 100).replace("&", "&&")


def _kinds(columns: Sequence[Column]) -> list[Kind]:
    return [column.kind for column in columns]


def _width(column: Column) -> float:
    """In characters, where the rows are not known."""
    if column.kind == "text":
        return max(12 * column.width, len(column.title) + 3)
    return max(13.0, len(column.title) + 3)


def _widths(table: Table) -> list[float]:
    """As wide as the longest text, within reason."""
    widths = []
    for number, column in enumerate(table.columns):
        values = [row[number] for row in table.rows]
        longest = max((len(value) for value in values if isinstance(value, str)), default=0)
        widths.append(max(_width(column), min(longest, 60)))
    return widths


def _write(sheet: Any, row: int, column: int, value: Value, kind: Kind, cell_format: Any = None) -> None:
    """Write one value as the cell of its kind; nothing as nothing."""
    match value:
        case None:
            return
        case str():
            sheet.write_string(row, column, _cell_text(value), cell_format)
        case bool():
            sheet.write_boolean(row, column, value, cell_format)
        case date():
            sheet.write_number(row, column, (value - _DAY_ZERO).days, cell_format)
        case _:
            sheet.write_number(row, column, float(Decimal(value) / 100 if kind == "percent" else value), cell_format)


def _string_writer(sheet: Any) -> Callable[[int, int, str, Any], None]:
    def write_string(row: int, column: int, text: str, cell_format: Any) -> None:
        sheet.write_string(row, column, _cell_text(text), cell_format)

    return write_string


def _writers(sheet: Any, columns: Sequence[Column]) -> list[Callable[..., Any]]:
    """By column, what writes a value as `_detail_statement` returns it."""
    of_kind = {"text": _string_writer(sheet), "boolean": sheet.write_boolean}
    return [of_kind.get(column.kind, sheet.write_number) for column in columns]


def _detail_statement(detail: Detail) -> sql.Composed:
    """The statement of a detail, with numbers as a cell holds them: doubles, days since day zero, parts of one."""
    return sql.SQL("select {columns} from (\n{statement}\n) as detail").format(
        columns=sql.SQL(", ").join(map(_cell_sql, detail.columns)),
        statement=sql.SQL(load_sql(detail.statement)),
    )


def _cell_sql(column: Column) -> sql.Composable:
    name = sql.Identifier(column.key)
    match column.kind:
        case "date":
            return sql.SQL("{} - {}::date").format(name, sql.Literal(str(_DAY_ZERO)))
        case "percent":
            return sql.SQL("({} / 100)::float8").format(name)
        case "usd" | "quantity":
            return sql.SQL("{}::float8").format(name)
        case _:
            return name
