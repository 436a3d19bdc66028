"""The PDF is opened again: what it says, on which page, and that nothing leaves its column."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from itertools import pairwise
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from costpulse_assets.periods import Period
from costpulse_assets.reports.formats import charts, pdf, typesetting
from costpulse_assets.reports.report import Chart, Column, Figure, Report, Table, Value
from costpulse_assets.reports.report_request import ReportType, checked_request
from costpulse_assets.reports.report_types import build
from costpulse_assets.resources.database import Connection, Database
from tests.reports.books import SETTINGS, TODAY

MADE_AT = datetime(2026, 11, 30, 8, 5, 9, tzinfo=UTC)
PROVISIONAL = "29 and 30 November 2026 are not final: the amounts may still change."
TEAM, COST = Column("team", "Team", width=2), Column("cost_usd", "Cost", "usd")
LONG = "A team whose name nobody would ever want to say aloud in a meeting " * 3
NAMES = (
    LONG[:200],
    "数据平台团队",
    "データ基盤チーム",
    "데이터 플랫폼",
    "R&D <b>bold</b> &amp; <font size=90>",
    "a_job_that_has_no_blank_" * 8,
    "x" * 300,
    "",
)

#: What a report is written to and read back from.
Written = Callable[[Report], PdfReader]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A report that needs no database, as a file that was opened again."""

    def write(report: Report) -> PdfReader:
        assert report.detail is None
        assert pdf.write(report, tmp_path / "report.pdf", no_connection()) is None
        return PdfReader(tmp_path / "report.pdf")

    return write


def no_connection() -> Connection:
    return None  # type: ignore[return-value]


def sample(**changes: object) -> Report:
    rows: list[tuple[Value, ...]] = [(name, Decimal(10) ** at / 7) for at, name in enumerate(NAMES)]
    report = Report(
        title="Showback",
        subtitle="November 2026, all teams",
        report_type="showback",
        period=Period(date(2026, 11, 1), date(2026, 11, 30)),
        team=None,
        made_at=MADE_AT,
        provisional=PROVISIONAL,
        figures=(
            Figure("Total cost", Decimal("1234567.894999"), "usd", "4.2 % more than in October"),
            Figure("Unallocated", Decimal("7.449"), "percent"),
            Figure("Days not final", 2, "integer", "of 30"),
            Figure("Most expensive team", LONG, "text"),
        ),
        sentences=("Data cost most: $9,443.22.",),
        charts=(
            Chart("Cost by day", "columns", ("1 Nov", "2 Nov"), (("Cost", (Decimal(3), Decimal(4))),)),
            Chart("Cost by team", "bars", NAMES, (("Cost", tuple(Decimal(at) for at in range(len(NAMES)))),)),
        ),
        tables=(
            Table("By team", (TEAM, COST), rows, ("Total", Decimal("1234567.894999"))),
            Table("Open anomalies", (TEAM, COST), []),
        ),
        notes=(("Cost", "List price & <i>adjustments</i>."),),
    )
    return replace(report, **changes)  # type: ignore[arg-type]


def texts(reader: PdfReader) -> list[str]:
    """The text of each page, every run of blanks as one."""
    return [re.sub(r"\s+", " ", page.extract_text()) for page in reader.pages]


def long_table(rows: int) -> Table:
    return Table("By SKU", (TEAM, COST), [(f"SKU {at}", Decimal(at)) for at in range(rows)], ("Total", Decimal(99)))


def test_every_page_has_its_number_and_what_is_not_final(written: Written) -> None:
    pages = texts(written(sample(tables=(long_table(120),))))
    assert len(pages) == 4
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of 4" in page
        assert f"Provisional: {PROVISIONAL}" in page


def test_a_report_of_final_days_does_not_call_itself_provisional(written: Written) -> None:
    assert not any("Provisional" in page for page in texts(written(sample(provisional=None))))


def test_the_first_page_says_it_all(written: Written) -> None:
    first = texts(written(sample()))[0]
    for said in (
        "Showback November 2026, all teams",
        "Made 30 Nov 2026, 08:05 UTC",
        "Total cost $1,234,567.89 4.2 % more than in October",
        "Unallocated 7.4 %",
        "Days not final 2 of 30",
        "Data cost most: $9,443.22.",
        "Cost by day",
        "Cost by team",
    ):
        assert said in first
    assert "By team" not in first


def test_totals_stand_below_their_columns_as_the_report_has_them(written: Written) -> None:
    assert "Total $1,234,567.89" in texts(written(sample()))[1]


def test_what_is_empty_says_so(written: Written) -> None:
    silent = Chart("Cost by product", "stacked", ("Nov 2026",), (("Jobs", (None,)), ("SQL", (Decimal(0),))))
    pages = texts(written(sample(charts=(silent,))))
    assert "Cost by product There is no cost to show." in pages[0]
    assert "Open anomalies There is nothing to list here in this period." in pages[1]


def test_an_empty_table_says_its_own_sentence_where_it_has_one(written: Written) -> None:
    report = sample(tables=(Table("Budgets", (TEAM, COST), [], note="Nobody set a budget."),))
    assert "Budgets Nobody set a budget." in texts(written(report))[1]


def test_markup_in_names_is_text(written: Written) -> None:
    pages = texts(written(sample(title="<b>Showback</b> & co")))
    assert "<b>Showback</b> & co" in pages[0]
    assert "R&D <b>bold</b> &amp; <font size=90>" in pages[1]
    assert "List price & <i>adjustments</i>." in pages[-1]


@pytest.mark.parametrize("name", ["数据平台团队", "データ基盤チーム", "데이터 플랫폼"])
def test_letters_of_east_asia_are_there_to_be_found(written: Written, name: str) -> None:
    assert name in texts(written(sample()))[1]


def test_fonts_are_in_the_file(written: Written) -> None:
    table = Table("By team", (TEAM, COST), [("Data & <co>, é ü ß Ω Ж", Decimal(1))])
    reader = written(sample(tables=(table,), charts=()))
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    assert {font["/BaseFont"].partition("+")[2] for font in fonts} == {"DejaVuSans", "DejaVuSans-Bold"}
    assert all("/FontFile2" in font["/FontDescriptor"] for font in fonts)


def test_the_file_knows_its_title_and_when_it_was_made(written: Written) -> None:
    reader = written(sample())
    assert reader.metadata is not None
    assert reader.metadata.title == "Showback · November 2026, all teams"
    assert reader.metadata.author == "CostPulse"
    assert reader.metadata.creation_date == MADE_AT.replace(microsecond=0)
    assert "are not final" in (reader.metadata.subject or "")


def test_tables_and_notes_are_in_the_list_of_contents(written: Written) -> None:
    reader = written(sample())
    entries = {entry["/Title"]: reader.get_destination_page_number(entry) for entry in reader.outline}
    assert entries == {"Showback": 0, "By team": 1, "Open anomalies": 1, "Notes": 1}


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, report in (("a", sample()), ("b", sample(title="Another", tables=(long_table(40),))), ("c", sample())):
        pdf.write(report, tmp_path / name, no_connection())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_a_moment_of_another_zone_is_told_in_utc(written: Written) -> None:
    reader = written(sample(made_at=MADE_AT.astimezone(ZoneInfo("Asia/Tokyo"))))
    assert reader.metadata is not None
    assert reader.metadata.creation_date == MADE_AT
    assert "Made 30 Nov 2026, 08:05 UTC" in texts(reader)[0]


@pytest.mark.parametrize("rows", range(38, 50))
def test_no_page_has_the_total_alone_and_each_has_the_header(written: Written, rows: int) -> None:
    pages = texts(written(sample(tables=(long_table(rows),), notes=())))[1:]
    assert all("Team Cost SKU" in page for page in pages)
    assert all(("(continued)" in page) == (at > 0) for at, page in enumerate(pages))
    shown = [int(number) for page in pages for number in re.findall(r"SKU (\d+) ", page)]
    assert shown == list(range(rows))
    assert "Total $99.00" in pages[-1]


def test_a_wide_table_lies_on_its_side_and_the_notes_do_not(written: Written) -> None:
    columns = (TEAM, *(Column(f"c{at}", f"Cost {at}", "usd") for at in range(9)))
    wide = Table("Wide", columns, [("Data", *[Decimal("123456789.01")] * 9)])
    sizes = [page.mediabox for page in written(sample(tables=(wide,))).pages]
    assert [size.width > size.height for size in sizes] == [False, True, False]


@given(
    kinds=st.lists(st.sampled_from(["text", "usd", "quantity", "date", "percent"]), min_size=1, max_size=24),
    text=st.text(max_size=300),
    digits=st.integers(min_value=0, max_value=12),
)
def test_no_table_is_wider_than_its_page(kinds: list[str], text: str, digits: int) -> None:
    columns = [Column(f"c{at}", f"Column {at}", kind, 1 + at % 3) for at, kind in enumerate(kinds)]  # type: ignore[arg-type]
    row = [text if kind == "text" else f"${10**digits:,}.00" for kind in kinds]
    grid = pdf._grid(columns, [row])
    assert sum(grid.widths) <= grid.page[0] - 2 * pdf._MARGIN + 0.01
    assert min(grid.widths) > 2 * pdf._PAD
    for cell, width in zip(pdf._laid_out(row, columns, grid, typesetting.BOLD), grid.widths, strict=True):
        assert all(typesetting.line_width(line, grid.size) <= width - 2 * pdf._PAD + 0.1 for line in cell)


@given(st.text(max_size=200), st.floats(min_value=30, max_value=400), st.integers(min_value=0, max_value=3))
def test_no_line_is_wider_than_its_column(text: str, width: float, at_most: int) -> None:
    broken = typesetting.lines(text, 8, width, at_most=at_most)
    assert 1 <= len(broken) <= (at_most or len(broken))
    assert all(typesetting.line_width(line, 8) <= width + 0.01 for line in broken)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=200))
def test_breaking_lines_loses_nothing_but_blanks(text: str) -> None:
    broken = typesetting.lines(text, 8, 60)
    assert "".join(piece for line in broken for _, piece in line).replace(" ", "") == text.replace(" ", "")


def said(text: str, width: float = 1000) -> str:
    return "".join(piece for _, piece in typesetting.line(text, 8, width))


def test_a_text_that_is_cut_says_so() -> None:
    assert said("a_job_that_has_no_blank", 60).endswith("…")
    assert (
        said("a_job_that_has_no_blank", 60)[:-1]
        == "a_job_that_has_no_blank"[: len(said("a_job_that_has_no_blank", 60)) - 1]
    )


def test_hebrew_runs_from_right_to_left_and_numbers_in_it_do_not() -> None:
    assert said("Team שלום (2026) & co") == "Team (2026) םולש & co"


def test_arabic_letters_join() -> None:
    # Beh at the beginning, yeh in the middle, teh at the end of a word, from right to left.
    assert said("بيت") == "ﺖﻴﺑ"
    # Lam and alef are one sign, and join to what is before them only.
    assert said("سلام") == "ﻡﻼﺳ"


def test_what_turns_the_direction_of_writing_around_is_left_out() -> None:
    assert said("\u202egnp.exe\u2069") == "gnp.exe"


@given(
    st.floats(min_value=-1e12, max_value=0),
    st.floats(min_value=0, max_value=1e12),
)
def test_an_axis_has_round_steps_around_its_values(lowest: float, highest: float) -> None:
    if highest - lowest < 1e-3:
        return
    ticks = charts._ticks(lowest, highest)
    hardly = (highest - lowest) * 1e-8
    assert ticks[0] <= lowest + hardly
    assert ticks[-1] >= highest - hardly
    assert 0 in ticks
    assert 3 <= len(ticks) <= 7
    labels = [charts._short_usd(tick, ticks[1] - ticks[0]) for tick in ticks]
    assert len(set(labels)) == len(labels)


def test_axes_are_written_short() -> None:
    assert [charts._short_usd(value, 2500) for value in (0, 2500, 5000, -7500)] == ["$0", "$2.5k", "$5k", "-$7.5k"]
    assert [charts._short_usd(value, 0.25) for value in (0.25, 1)] == ["$0.25", "$1.00"]
    assert charts._short_usd(1_500_000, 500_000) == "$1.5M"


@pytest.mark.parametrize("shape", ["bars", "columns", "line", "stacked"])
@pytest.mark.parametrize("count", [1, 12, 366])
def test_charts_take_gaps_credits_and_any_number_of_days(written: Written, shape: str, count: int) -> None:
    days = tuple((date(2026, 1, 1) + timedelta(days=at)).isoformat() for at in range(count))
    amounts: tuple[Decimal | None, ...] = (Decimal(-5), None, Decimal("7.5"))
    one = tuple(amounts[at % 3] for at in range(count))
    chart = Chart("Cost by day", shape, days, (("Jobs", one), ("All others", one[::-1])))  # type: ignore[arg-type]
    pages = texts(written(sample(charts=(chart,))))
    assert "Cost by day Jobs All others" in pages[0]
    assert ("Mar 2026" in pages[0]) == (count == 366 and shape != "bars")


def test_a_full_disk_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="No space left"):
        pdf.write(sample(), Path("/dev/full"), no_connection())


def made(
    url: str, path: Path, report_type: ReportType, first: date, last: date, team: str | None = None
) -> tuple[Report, list[str], int | None]:
    """A report of the books, its pages, and its rows of detail."""
    request = checked_request(report_type=report_type, format="pdf", first_day=first, last_day=last, team=team)
    with Database(url).transaction() as connection:
        row = connection.execute("select id from costpulse.teams where name = %s", [team]).fetchone()
        report = build(connection, SETTINGS, request, team_id=row and row["id"], made_at=MADE_AT)
        rows = pdf.write(report, path, connection)
    return report, texts(PdfReader(path)), rows


def to_the_cent(amount: Decimal) -> str:
    return f"${amount.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def test_the_largest_rows_are_shown_and_the_others_make_the_total(report_books: str, tmp_path: Path) -> None:
    report, pages, rows = made(report_books, tmp_path / "r.pdf", "showback", date(2026, 5, 1), TODAY)
    total = Database(report_books).rows("reports/totals", {"first": date(2026, 5, 1), "last": TODAY, "team_id": None})
    cost = next(row["cost_usd"] for row in total if row["dimension"] == "total")
    assert report.detail is not None
    assert rows == pdf.DETAIL_ROWS
    assert to_the_cent(cost) in pages[0]
    start = next(at for at, page in enumerate(pages) if "the 200 largest rows" in page)
    of_detail = " ".join(pages[start:])
    assert "All other rows" in of_detail
    assert "Total" in of_detail.partition("All other rows")[2]
    assert to_the_cent(cost) in of_detail.partition("All other rows")[2]
    assert report.provisional is not None
    assert all(report.provisional in page for page in pages)


def test_rows_come_by_cost(report_books: str) -> None:
    request = checked_request(report_type="showback", format="pdf", first_day=date(2026, 5, 1), last_day=TODAY)
    with Database(report_books).transaction() as connection:
        report = build(connection, SETTINGS, request, team_id=None, made_at=MADE_AT)
        assert report.detail is not None
        table = pdf._largest_rows(report.detail, connection).table
        every = connection.execute(
            "select count(*) as rows, max(cost_usd) as most, sum(cost_usd) as cost from costpulse.daily_costs"
        ).fetchone()
    assert every is not None
    at = [column.key for column in table.columns].index("cost_usd")
    amounts = [Decimal(str(row[at])) for row in table.rows]
    assert amounts[0] == every["most"]
    assert all(more >= less for more, less in pairwise(amounts[:-1]))
    with localcontext(Context(prec=80)):
        assert sum(amounts) == every["cost"]
    assert table.totals is not None
    assert table.totals[at] == every["cost"]
    assert every["rows"] > pdf.DETAIL_ROWS


def test_a_short_detail_is_there_as_a_whole(report_books: str, tmp_path: Path) -> None:
    _, pages, rows = made(report_books, tmp_path / "r.pdf", "showback", date(2026, 6, 2), date(2026, 6, 2))
    assert rows is not None
    assert 0 < rows < pdf.DETAIL_ROWS
    assert not any("largest rows" in page or "All other rows" in page for page in pages)
    assert not any("Provisional" in page for page in pages)


@pytest.mark.parametrize("report_type", get_args(ReportType))
def test_each_type_has_its_total_and_its_charts_on_one_page(
    report_books: str, tmp_path: Path, report_type: ReportType
) -> None:
    report, pages, _ = made(report_books, tmp_path / "r.pdf", report_type, date(2026, 5, 1), date(2026, 5, 31))
    total = report.figures[0]
    assert isinstance(total.value, Decimal)
    assert f"{total.label} {to_the_cent(total.value)}" in pages[0]
    assert report.charts
    assert all(chart.title in pages[0] for chart in report.charts)
    for table in report.tables:
        where = [page for page in pages[1:] if table.title in page]
        assert where, table.title
        assert table.rows or "There is nothing to list" in " ".join(where) or table.note
    assert f"Page {len(pages)} of {len(pages)}" in pages[-1]
    assert all(heading in " ".join(pages[1:]) for heading, _ in report.notes)
