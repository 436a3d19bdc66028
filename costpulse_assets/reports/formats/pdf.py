"""A report on paper: one page that says it all, then the tables, then what the words mean."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import partial
from pathlib import Path
from typing import IO, Any

from psycopg import sql
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from costpulse_assets.reports.formats import charts, typesetting
from costpulse_assets.reports.formats.charts import GRID, MUTED, OTHER, PRIMARY, TEXT
from costpulse_assets.reports.formats.typesetting import BOLD, REGULAR
from costpulse_assets.reports.report import Chart, Column, Detail, Figure, Kind, Report, Table, Value
from costpulse_assets.resources.database import Connection
from costpulse_assets.resources.sql_files import load_sql

#: Rows of detail on paper: the largest by cost.
DETAIL_ROWS = 200

_AMBER, _AMBER_GROUND, _GROUND = "#B54708", "#FEF3E2", "#F4F7FA"
_MARGIN = 46.0
_TOP, _BOTTOM = 62.0, 46.0
_GAP = 18.0
#: How much lower and higher than usual a chart may be.
_LOWEST, _HIGHEST = 0.7, 1.25
#: Text and header of a table, in the order they are tried.
_SIZES = (8.0, 7.5, 7.0, 6.5, 6.0)
_PAD = 4.5
#: As wide as a name's column has to be at least, in letters' sizes, though a word of it is longer.
_WORD = 14.0
#: Texts of this width, such as most codes, are not broken at all.
_SHORT = 6.0
_WORDS = re.compile(r"[^\s\-_/.:@,]+[\-_/.:@,]*|[\-_/.:@,]+")
#: No cell is higher; what is cut ends in ….
_CELL_LINES = 8

_EXACT = Context(prec=80)

Mark = Callable[[Any], None]


def write(report: Report, path: Path, connection: Connection) -> int | None:
    """Write the report as PDF (A4): the same report gives the same bytes.

    Args:
        report: what it says.
        path: file to write.
        connection: to read the largest rows of the detail.

    Returns:
        Rows of detail in it, at most DETAIL_ROWS; None: the report has no detail.

    Raises:
        OSError: the file cannot be written.
    """
    detail = None if report.detail is None else _largest_rows(report.detail, connection)
    paper = _Paper()
    _summary(paper, report)
    for table in (*report.tables, *([] if detail is None else [detail.table])):
        _table(paper, table)
    _notes(paper, report)
    with path.open("wb") as file:
        _print(paper, report, file)
    return None if detail is None else detail.row_count


@dataclass
class _Page:
    size: tuple[float, float]
    marks: list[Mark] = field(default_factory=list)
    bookmarks: list[tuple[str, float]] = field(default_factory=list)


class _Paper:
    """Pages that are filled from top to bottom; they are printed when it is known how many there are."""

    def __init__(self) -> None:
        self.pages: list[_Page] = []
        self.y = 0.0
        self.turn_to(A4)

    @property
    def width(self) -> float:
        return self.pages[-1].size[0] - 2 * _MARGIN

    @property
    def room(self) -> float:
        return self.y - _BOTTOM

    def turn_to(self, size: tuple[float, float]) -> None:
        """A new page."""
        self.pages.append(_Page(size))
        self.y = size[1] - (_TOP if len(self.pages) > 1 else _MARGIN)

    def turn(self) -> None:
        """A new page of the same size."""
        self.turn_to(self.pages[-1].size)

    def bookmark(self, title: str) -> None:
        """Name this place in the reader's list of contents."""
        self.pages[-1].bookmarks.append((title, self.y))

    def mark(self, mark: Mark) -> None:
        """Something that is drawn on the present page."""
        self.pages[-1].marks.append(mark)

    def text(
        self,
        text: str,
        size: float,
        *,
        colour: str = TEXT,
        font: str = REGULAR,
        leading: float = 1.4,
        indent: float = 0,
    ) -> None:
        """A paragraph, which may go on on the next page."""
        for line in typesetting.lines(text, size, self.width - indent, font=font):
            if self.room < size * leading:
                self.turn()
            self.y -= size * leading
            self.mark(_written(line, _MARGIN + indent, self.y + size * (leading - 1) / 2, size, colour))


def _summary(paper: _Paper, report: Report) -> None:
    """Title, days that are not final, figures, charts, sentences."""
    top, width = paper.y, paper.width
    paper.mark(lambda canvas: _rectangle(canvas, 0, A4[1] - 6, A4[0], 6, PRIMARY))
    brand = typesetting.line("CostPulse", 9, 200, font=BOLD)
    made_at = report.made_at.astimezone(UTC)
    made = typesetting.line(f"Made {_day(made_at)}, {made_at:%H:%M} UTC", 8, 300)
    paper.mark(_written(brand, _MARGIN, top - 9, 9, PRIMARY))
    paper.mark(lambda canvas: typesetting.draw(canvas, made, _MARGIN + width, top - 9, 8, MUTED, "right"))
    paper.y -= 24
    paper.bookmark(report.title)
    for line in typesetting.lines(report.title, 21, width, font=BOLD, at_most=3):
        paper.y -= 27
        paper.mark(_written(line, _MARGIN, paper.y + 6, 21, TEXT))
    for line in typesetting.lines(report.subtitle, 10, width, at_most=3) if report.subtitle else ():
        paper.y -= 14
        paper.mark(_written(line, _MARGIN, paper.y + 3, 10, MUTED))
    paper.y -= 10
    if report.provisional is not None:
        paper.y -= _provisional_band(paper, report.provisional, paper.y) + 8
    paper.y -= 2
    _figures(paper, report.figures)
    for sentence in report.sentences:
        paper.y -= 2
        dot = partial(_rectangle, x=_MARGIN + 1, y=paper.y - 8.4, width=3.4, height=3.4, colour=PRIMARY)
        paper.mark(dot)
        paper.text(sentence, 9, indent=12)
    paper.y -= _GAP if report.sentences else 0
    _charts(paper, _chart_rows(report.charts))


def _provisional_band(paper: _Paper, sentence: str, top: float) -> float:
    lines = typesetting.lines(_provisional(sentence), 9, paper.width - 20, font=BOLD, at_most=4)
    height = 13.0 * len(lines) + 8
    width = paper.width

    def mark(canvas: Any) -> None:
        _rectangle(canvas, _MARGIN, top - height, width, height, _AMBER_GROUND)
        _rectangle(canvas, _MARGIN, top - height, 3, height, _AMBER)
        for at, line in enumerate(lines):
            typesetting.draw(canvas, line, _MARGIN + 12, top - 14 - 13 * at, 9, _AMBER)

    paper.mark(mark)
    return height


def _figures(paper: _Paper, figures: Sequence[Figure]) -> None:
    """Cards, four in a row or as many as make rows of equal length."""
    if not figures:
        return
    rows = -(-len(figures) // 4)
    across = -(-len(figures) // rows)
    gap = 8.0
    width = (paper.width - gap * (across - 1)) / across
    said = [_shown(figure.value, figure.kind) for figure in figures if figure.kind != "text"]
    longest = max(map(_bold_width, said), default=1.0)
    size = max(min(17.0, (width - 20) / longest), 9.0)
    for start in range(0, len(figures), across):
        cards = [_card(figure, width - 20, size) for figure in figures[start : start + across]]
        height = max(card.height for card in cards)
        if paper.room < height:
            paper.turn()
        for at, card in enumerate(cards):
            paper.mark(_drawn_card(card, _MARGIN + (width + gap) * at, paper.y, width, height))
        paper.y -= height + gap
    paper.y -= _GAP - gap


@dataclass(frozen=True)
class _Card:
    """Label, value and note, broken into lines."""

    label: typesetting.Line
    value: tuple[typesetting.Line, ...]
    size: float
    note: tuple[typesetting.Line, ...]

    @property
    def height(self) -> float:
        return 22 + 21 * len(self.value[:1]) + 12 * len(self.value[1:]) + 10 * len(self.note) + 4


def _card(figure: Figure, width: float, size: float) -> _Card:
    """Numbers are all of one size; a name may take two smaller lines."""
    said = _shown(figure.value, figure.kind)
    if figure.kind == "text" and len(typesetting.lines(said, size, width, font=BOLD)) > 1:
        size = 10.0
    return _Card(
        typesetting.line(figure.label, 8, width),
        typesetting.lines(said, size, width, font=BOLD, at_most=2 if figure.kind == "text" else 1),
        size,
        typesetting.lines(figure.note, 7, width, at_most=3) if figure.note else (),
    )


def _drawn_card(card: _Card, x: float, top: float, width: float, height: float) -> Mark:
    def mark(canvas: Any) -> None:
        _rectangle(canvas, x, top - height, width, height, _GROUND)
        _rectangle(canvas, x, top - height, 2, height, PRIMARY)
        typesetting.draw(canvas, card.label, x + 11, top - 15, 8, MUTED)
        y = top - 35.0
        for line in card.value:
            typesetting.draw(canvas, line, x + 11, y, card.size, TEXT)
            y -= 12
        for line in card.note:
            typesetting.draw(canvas, line, x + 11, y - 1, 7, MUTED)
            y -= 10

    return mark


def _chart_rows(of_report: Iterable[Chart]) -> list[list[Chart]]:
    """Two charts of bars stand side by side; what goes over time has the whole width."""
    rows: list[list[Chart]] = []
    for chart in of_report:
        if rows and chart.shape == "bars" and len(rows[-1]) == 1 and rows[-1][0].shape == "bars":
            rows[-1].append(chart)
        else:
            rows.append([chart])
    return rows


def _charts(paper: _Paper, rows: Sequence[Sequence[Chart]]) -> None:
    """As high as fills the first page: lower if that keeps them on it, higher where there is room."""
    if not rows:
        return
    natural = [max(map(charts.height_of, row)) for row in rows]
    fill = (paper.room - _GAP * (len(rows) - 1)) / sum(natural)
    gap = 22.0
    for row, height in zip(rows, natural, strict=True):
        # Bars have their height from their letters.
        height *= min(max(fill, _LOWEST), 1.0 if row[0].shape == "bars" else _HIGHEST)
        if paper.room < height - 0.01:
            paper.turn()
        width = (paper.width - gap * (len(row) - 1)) / len(row)
        for at, chart in enumerate(row):
            left = _MARGIN + (width + gap) * at
            paper.mark(partial(charts.draw, chart=chart, x=left, top=paper.y, width=width, height=height))
        paper.y -= height + _GAP


@dataclass(frozen=True)
class _Grid:
    """How a table is laid out: page, size of its text, width of its columns."""

    page: tuple[float, float]
    size: float
    widths: tuple[float, ...]


def _table(paper: _Paper, table: Table) -> None:
    """Title, header, rows, total; header and title again on each page, and no page with the total alone."""
    cells = [
        [_shown(value, column.kind) for value, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    total = None if table.totals is None else _total_cells(table)
    grid = _grid(table.columns, [*cells, *([] if total is None else [total])])
    rows = [_laid_out(row, table.columns, grid, REGULAR) for row in cells]
    last = [] if total is None else [_laid_out(total, table.columns, grid, BOLD)]
    header = _laid_out([column.title for column in table.columns], table.columns, grid, BOLD)
    first = 24 + _height(header, grid) + sum(_height(row, grid) for row in (rows + last)[:4])
    if len(paper.pages) == 1 or paper.pages[-1].size != grid.page:
        paper.turn_to(grid.page)
    elif paper.room < first:
        paper.turn()
    paper.bookmark(table.title)
    _table_title(paper, table.title)
    if not rows:
        paper.text(table.note or "There is nothing to list here in this period.", 8.5, colour=MUTED)
        paper.y -= _GAP
        return
    _row(paper, header, table.columns, grid, _Look(MUTED, rule=OTHER))
    for at, row in enumerate(rows):
        kept = [row, *(rows[at + 1 :] + last if len(rows) - at <= 2 else [])]
        if paper.room < sum(_height(each, grid) for each in kept):
            paper.turn()
            _table_title(paper, f"{table.title} (continued)")
            _row(paper, header, table.columns, grid, _Look(MUTED, rule=OTHER))
        _row(paper, row, table.columns, grid, _Look(TEXT, rule=GRID))
    for row in last:
        _row(paper, row, table.columns, grid, _Look(TEXT, rule=TEXT, ground=_GROUND))
    if table.note:
        paper.y -= 3
        paper.text(table.note, 7.5, colour=MUTED)
    paper.y -= _GAP + 4


def _table_title(paper: _Paper, title: str) -> None:
    line = typesetting.line(title, 11, paper.width, font=BOLD)
    paper.y -= 20
    paper.mark(_written(line, _MARGIN, paper.y + 8, 11, TEXT))


def _total_cells(table: Table) -> list[str]:
    """A total that has no meaning is blank, unlike a value that is not known."""
    return [
        "" if value is None else _shown(value, column.kind)
        for value, column in zip(table.totals or (), table.columns, strict=True)
    ]


def _grid(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> _Grid:
    """The largest text with which no number, hardly a word, and no usual name into more than three lines breaks."""
    natural = [max(_bold_width(text) for text in _column(columns, rows, at)) for at in range(len(columns))]
    least = [
        max(
            min(max(_widest_word(_column(columns, rows, at)), natural[at] / 3, min(natural[at], _SHORT)), _WORD),
            _widest_word(column.title.split()),
        )
        if column.kind == "text"
        else natural[at]
        for at, column in enumerate(columns)
    ]
    for page, sizes in ((A4, _SIZES[:3]), (landscape(A4), _SIZES)):
        room = page[0] - 2 * _MARGIN - 2 * _PAD * len(columns)
        for size in sizes:
            if sum(least) * size <= room:
                widths = _shared([width * size for width in natural], [width * size for width in least], columns, room)
                return _Grid(page, size, tuple(width + 2 * _PAD for width in widths))
    # So many columns that even numbers have to break.
    return _Grid(page, size, tuple(width * room / sum(least) + 2 * _PAD for width in least))


def _shared(need: list[float], least: list[float], columns: Sequence[Column], room: float) -> list[float]:
    """Names share what numbers leave by what they want, none more than it needs while another lacks."""
    widths, spare = list(least), room - sum(least)
    while spare > 0.1 and (lacking := [at for at, width in enumerate(widths) if width < need[at] - 0.1]):
        share = spare / sum(columns[at].width for at in lacking)
        for at in lacking:
            more = min(need[at] - widths[at], share * columns[at].width)
            widths[at] += more
            spare -= more
    # Rows read badly with wide gaps between numbers: what is to spare goes to the names, or to all alike.
    takers = [at for at, column in enumerate(columns) if column.kind == "text"] or range(len(columns))
    for at in takers:
        widths[at] += spare / len(takers)
    return widths


def _column(columns: Sequence[Column], rows: Sequence[Sequence[str]], at: int) -> list[str]:
    """Every text of a column that must not break: of the title only its words."""
    return [*(columns[at].title.split() or [""]), *(row[at] for row in rows)]


def _widest_word(texts: Iterable[str]) -> float:
    return max((_bold_width(word) for text in texts for word in _WORDS.findall(text)), default=0.0)


def _bold_width(text: str) -> float:
    """Of a font of one point; totals are bold, and so wide enough for everything."""
    return sum(typesetting.line_width(line, 1) for line in typesetting.lines(text, 1, 10_000, font=BOLD, at_most=1))


_Cells = list[tuple[typesetting.Line, ...]]


@dataclass(frozen=True)
class _Look:
    colour: str
    rule: str
    ground: str = ""


def _laid_out(row: Sequence[str], columns: Sequence[Column], grid: _Grid, font: str) -> _Cells:
    return [
        typesetting.lines(text, grid.size, width - 2 * _PAD + 0.01, font=font, at_most=_CELL_LINES)
        for text, width in zip(row, grid.widths, strict=True)
    ]


def _height(row: _Cells, grid: _Grid) -> float:
    return max(map(len, row)) * grid.size * 1.3 + 5


def _row(paper: _Paper, row: _Cells, columns: Sequence[Column], grid: _Grid, look: _Look) -> None:
    height = _height(row, grid)
    top = paper.y

    def mark(canvas: Any) -> None:
        if look.ground:
            _rectangle(canvas, _MARGIN, top - height, sum(grid.widths), height, look.ground)
        canvas.setStrokeColor(typesetting.ink(look.rule))
        canvas.setLineWidth(0.5)
        edge = top if look.ground else top - height
        canvas.line(_MARGIN, edge, _MARGIN + sum(grid.widths), edge)
        x = _MARGIN
        for cell, column, width in zip(row, columns, grid.widths, strict=True):
            is_number = column.kind in ("usd", "quantity", "percent", "integer")
            for at, line in enumerate(cell):
                baseline = top - 3 - grid.size * (1 + 1.3 * at)
                if is_number:
                    typesetting.draw(canvas, line, x + width - _PAD, baseline, grid.size, look.colour, "right")
                else:
                    typesetting.draw(canvas, line, x + _PAD, baseline, grid.size, look.colour)
            x += width

    paper.mark(mark)
    paper.y -= height


@dataclass(frozen=True)
class _LargestRows:
    table: Table
    row_count: int


def _largest_rows(detail: Detail, connection: Connection) -> _LargestRows:
    """The largest rows by cost, and one that makes them add up to the total."""
    keys = [column.key for column in detail.columns]
    statement = sql.SQL(
        "select {keys} from ({detail}\n) as detail order by {total} desc nulls last, {order} limit {limit}"
    )
    ties = [sql.SQL("detail.{}::text collate {}").format(sql.Identifier(key), sql.Identifier("C")) for key in keys]
    query = statement.format(
        keys=sql.SQL(", ").join(map(sql.Identifier, keys)),
        detail=sql.SQL(load_sql(detail.statement)),
        total=sql.Identifier(detail.total_key),
        order=sql.SQL(", ").join(ties),
        limit=sql.Literal(DETAIL_ROWS + 1),
    )
    found = [tuple(row[key] for key in keys) for row in connection.execute(query, detail.parameters).fetchall()]
    every = len(found) <= DETAIL_ROWS
    shown = found[:DETAIL_ROWS]
    at = keys.index(detail.total_key)
    with localcontext(_EXACT):
        others = detail.total - sum((row[at] or Decimal(0) for row in shown), Decimal(0))
    rest = [] if every else [_labelled("All other rows", others, detail)]
    # What is never so needs no column on paper: no day that is not final, nothing without a price.
    used = [n for n, column in enumerate(detail.columns) if n == at or any(row[n] for row in shown) or not shown]
    table = Table(
        detail.title if every else f"{detail.title}: the {DETAIL_ROWS} largest rows",
        tuple(detail.columns[n] for n in used),
        [tuple(row[n] for n in used) for row in (*shown, *rest)],
        tuple(_labelled("Total", detail.total, detail)[n] for n in used),
        "The CSV, Excel and Parquet files of this report have every row and column, exact to the last digit.",
    )
    return _LargestRows(table, len(shown))


def _labelled(label: str, amount: Decimal, detail: Detail) -> tuple[Value, ...]:
    """A row of one amount, its label where the first text is."""
    first = next((at for at, column in enumerate(detail.columns) if column.kind == "text"), 0)
    return tuple(
        amount if column.key == detail.total_key else label if at == first else "" if column.kind == "text" else None
        for at, column in enumerate(detail.columns)
    )


def _notes(paper: _Paper, report: Report) -> None:
    if not report.notes:
        return
    if len(paper.pages) == 1 or paper.pages[-1].size != A4 or paper.room < 120:
        paper.turn_to(A4)
    paper.bookmark("Notes")
    _table_title(paper, "Notes")
    for heading, text in report.notes:
        if paper.room < 44:
            paper.turn()
        paper.text(heading, 8.5, font=BOLD)
        paper.text(text, 8.5, colour=MUTED)
        paper.y -= 7


def _print(paper: _Paper, report: Report, file: IO[bytes]) -> None:
    canvas = Canvas(file, pagesize=A4, invariant=1, pageCompression=1, lang="en", initialFontName=REGULAR)
    canvas.setTitle(_name(report))
    canvas.setAuthor("CostPulse")
    canvas.setCreator("CostPulse")
    canvas.setSubject(_provisional(report.provisional) if report.provisional else f"Cost of {report.period}")
    canvas.setDateFormatter(lambda *_: f"{report.made_at.astimezone(UTC):D:%Y%m%d%H%M%S}+00'00'")
    canvas.setViewerPreference("DisplayDocTitle", "true")
    for number, page in enumerate(paper.pages, 1):
        canvas.setPageSize(page.size)
        _frame(canvas, report, page, number, len(paper.pages))
        for mark in page.marks:
            mark(canvas)
        for title, y in page.bookmarks:
            key = f"{number} {y:.2f}"
            canvas.bookmarkHorizontal(key, 0, y)
            canvas.addOutlineEntry(title, key)
        canvas.showPage()
    canvas.save()


def _frame(canvas: Any, report: Report, page: _Page, number: int, total: int) -> None:
    """What every page has: whose it is, its number, and the sentence about days that are not final."""
    width, height = page.size
    right = width - _MARGIN
    canvas.setStrokeColor(typesetting.ink(GRID))
    canvas.setLineWidth(0.5)
    canvas.line(_MARGIN, 34, right, 34)
    count = typesetting.line(f"Page {number} of {total}", 7.5, 120)
    typesetting.draw(canvas, count, right, 22, 7.5, MUTED, "right")
    room = width - 2 * _MARGIN - 90
    if number == 1:
        typesetting.draw(canvas, typesetting.line("CostPulse", 7.5, room), _MARGIN, 22, 7.5, MUTED)
        return
    typesetting.draw(canvas, typesetting.line(_name(report), 7.5, room), _MARGIN, 22, 7.5, MUTED)
    if report.provisional is not None:
        said = typesetting.lines(_provisional(report.provisional), 7.5, width - 2 * _MARGIN, font=BOLD, at_most=2)
        for at, line in enumerate(said):
            typesetting.draw(canvas, line, _MARGIN, height - 30 - 10 * at, 7.5, _AMBER)


def _name(report: Report) -> str:
    return " · ".join(filter(None, (report.title, report.subtitle)))


def _provisional(sentence: str) -> str:
    return f"Provisional: {sentence}"


def _written(line: typesetting.Line, x: float, y: float, size: float, colour: str) -> Mark:
    return lambda canvas: typesetting.draw(canvas, line, x, y, size, colour)


def _rectangle(canvas: Any, x: float, y: float, width: float, height: float, colour: str) -> None:
    canvas.setFillColor(typesetting.ink(colour))
    canvas.rect(x, y, width, height, 0, 1)


def _shown(value: Value, kind: Kind) -> str:
    """A value as people read it; – is not known."""
    if value is None:
        return "–"
    match kind:
        case "usd" | "quantity" | "percent" | "integer" if isinstance(value, Decimal | int):
            return _number(Decimal(value), kind)
        case "date" if isinstance(value, date):
            return _day(value)
        case "boolean":
            return "yes" if value else "no"
    return str(value)


def _number(value: Decimal, kind: Kind) -> str:
    rounded = value.quantize(Decimal({"integer": "1", "percent": "0.1"}.get(kind, "0.01")), ROUND_HALF_UP)
    sign = "-" if rounded < 0 else ""
    size = f"{abs(rounded):,}"
    return {"usd": f"{sign}${size}", "percent": f"{sign}{size} %"}.get(kind, f"{sign}{size}")


def _day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"
