"""CSV read again: every row and digit of the database, and texts that no spreadsheet runs."""

import csv
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from costpulse_assets.periods import Period
from costpulse_assets.reports.formats.csv import write
from costpulse_assets.reports.formats.text_cells import LONGEST, harmless, harmless_sql, is_suspicious_sql
from costpulse_assets.reports.report import Report
from costpulse_assets.resources.database import Connection, Database
from tests.conftest import database
from tests.reports import books as books_of_reports
from tests.reports.rows import FIRST, HOSTILE, PROVISIONAL, Put, detail, expected_rows, put, put_many, report

#: What the database can store: no NUL, no half characters.
storable = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
awkward = st.text(st.sampled_from("=+-@\t\r\n \u00a0\u200b\u202e|\"',;a1＝\x7f\x85\ufffe\U0001f600"))
texts = storable | awkward | st.sampled_from(HOSTILE)


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


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def written(tmp_path: Path, connection: Connection, of: Report) -> list[dict[str, str]]:
    write(of, tmp_path / "report.csv", connection)
    return read(tmp_path / "report.csv")


def as_cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return harmless(value)
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


def test_the_detail_is_every_row_of_the_statement_in_its_order_with_all_digits(
    report_books: str, tmp_path: Path
) -> None:
    with Database(report_books).transaction() as books:
        of = detail(books, period=Period(books_of_reports.FIRST, books_of_reports.TODAY))
        row_count = write(report(detail=of), tmp_path / "report.csv", books)
        expected = expected_rows(books, of)

    rows = read(tmp_path / "report.csv")
    assert row_count == len(expected) > 500
    assert rows == [{key: as_cell(value) for key, value in row.items()} for row in expected]
    assert list(rows[0]) == [column.key for column in of.columns]
    assert sum(Decimal(row["cost_usd"] or 0) for row in rows) == of.total != 0
    assert {"Unallocated", '\'=HYPERLINK("x")'} <= {row["team"] for row in rows}


def test_lines_end_with_a_line_feed_and_only_what_must_be_quoted_is(connection: Connection, tmp_path: Path) -> None:
    put(connection, [Put(product='a "b", c', cost=None, workspace_id=None), Put(product="plain", cost=Decimal("-0.5"))])

    write(report(detail=detail(connection)), tmp_path / "report.csv", connection)

    zeros = "0" * 18
    assert (tmp_path / "report.csv").read_bytes().decode().splitlines(keepends=True) == [
        "usage_date,team,department,cost_center,workspace_id,workspace,product,sku_name,usage_unit,usage_quantity,"
        "list_cost_usd,cost_usd,unpriced_quantity,is_provisional\n",
        f"2026-10-01,Unallocated,,,1001,,plain,PREMIUM_JOBS_COMPUTE,DBU,2.{zeros},-0.5{zeros[1:]},-0.5{zeros[1:]},"
        f"0.{zeros},true\n",
        f'2026-10-01,Unallocated,,,,,"a ""b"", c",PREMIUM_JOBS_COMPUTE,DBU,2.{zeros},,,2.{zeros},true\n',
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(texts, max_size=8, unique=True))
@example(list(HOSTILE))
def test_any_text_of_the_source_is_one_harmless_cell(
    connection: Connection, tmp_path: Path, products: list[str]
) -> None:
    # An index holds no text of any length, so long ones are where it does not look.
    connection.execute("truncate costpulse.workspaces cascade")
    put(connection, [Put(workspace_id=f"{number}") for number in range(len(products))])
    connection.cursor().executemany(
        "insert into costpulse.workspaces (workspace_id, name) values (%s, %s)",
        [(f"{number}", product) for number, product in enumerate(products)],
    )

    rows = written(tmp_path, connection, report(detail=detail(connection)))

    assert {int(row["workspace_id"]): row["workspace"] for row in rows} == dict(enumerate(map(harmless, products)))
    assert {row["cost_usd"] for row in rows} <= {"1.250000000000000000"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(texts, max_size=20))
@example(list(HOSTILE))
def test_the_database_and_python_make_the_same_text_harmless_and_look_at_every_one_that_is_not(
    connection: Connection, found: list[str]
) -> None:
    statement = sql.SQL("select {}, {} from unnest(%s::text[]) with ordinality as t (v, n) order by t.n").format(
        sql.SQL("{} as made").format(harmless_sql(sql.SQL("t.v"))),
        sql.SQL("{} as is_suspicious").format(is_suspicious_sql([sql.SQL("'x'"), sql.SQL("t.v"), sql.SQL("null")])),
    )

    rows = connection.execute(statement, [found]).fetchall()

    assert [row["made"] for row in rows] == list(map(harmless, found))
    assert all(row["is_suspicious"] or row["made"] == text for row, text in zip(rows, found, strict=True))


@given(st.text() | awkward | st.sampled_from(HOSTILE))
def test_a_harmless_text_starts_no_formula_turns_no_direction_and_fits_a_cell(text: str) -> None:
    made = harmless(text)

    assert not made.strip().lstrip("\u200b\u200c\u200d\u2060\ufeff \u00a0").startswith(tuple("=+-@＝＋－＠"))
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in made)
    assert not set(made) & set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff")
    assert len(made.encode("utf-16-le")) // 2 <= LONGEST
    assert harmless(made) == made


@given(st.text("abcXYZ0189_.:/ äöß漢字()", max_size=200))
def test_a_plain_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("=1+1", "'=1+1"),
        ("  -5", "'  -5"),
        ("\tplain", "'plain"),
        ("\r\n@x", "'@x"),
        ("a=b", "a=b"),
        ("\u202eexe.gnp", "exe.gnp"),
        ("a\x00b\x07c", "abc"),
        ("a" * 32_767, "a" * 32_767),
        ("a" * 32_768, "a" * 32_766 + "…"),
        ("=" + "a" * 32_766, "'=" + "a" * 32_764 + "…"),
        ("\U0001f600" * 16_384, "\U0001f600" * 16_383 + "…"),
    ],
)
def test_what_is_done_to_a_text(text: str, made: str) -> None:
    assert harmless(text) == made


def test_an_executive_report_is_its_figures_and_says_what_is_not_final(connection: Connection, tmp_path: Path) -> None:
    of = report(report_type="executive", provisional=PROVISIONAL)

    assert write(of, tmp_path / "report.csv", connection) is None

    assert [tuple(row.values()) for row in read(tmp_path / "report.csv")] == [
        ("Total cost", "1234.567890123456789012", "usd", "4.2 % more than September"),
        ("Unallocated", "12.5", "percent", ""),
        ("Newest final day", "2026-10-29", "date", ""),
        ("Teams", "3", "integer", ""),
        ("Provisional", "true", "boolean", PROVISIONAL),
    ]


def test_a_report_without_detail_is_its_first_table(connection: Connection, tmp_path: Path) -> None:
    rows = written(tmp_path, connection, report())

    assert [list(row.values()) for row in rows] == [
        ["Platform", "2026-10-01", "800.1", "0.000000000000000001", "64.8", "12", "true"],
        ["Unallocated", "", "-434.467890123456789012", "0", "", "0", "false"],
    ]


def test_a_period_without_rows_is_a_header(connection: Connection, tmp_path: Path) -> None:
    put(connection, [])

    assert write(report(detail=detail(connection)), tmp_path / "report.csv", connection) == 0
    assert (tmp_path / "report.csv").read_text().count("\n") == 1


def test_a_full_disk_is_an_error_of_the_system(connection: Connection) -> None:
    put_many(connection, 10_000)

    with pytest.raises(OSError, match="No space left"):
        write(report(detail=detail(connection)), Path("/dev/full"), connection)
    # What the database still wanted to say is not in the way of what comes next.
    connection.rollback()
    assert expected_rows(connection, detail(connection)) == []


def test_rows_of_a_day_are_those_of_the_day(connection: Connection, tmp_path: Path) -> None:
    put(connection, [Put(), Put(day=FIRST.replace(month=9)), Put(day=FIRST.replace(month=11))])

    assert [row["usage_date"] for row in written(tmp_path, connection, report(detail=detail(connection)))] == [
        "2026-10-01"
    ]
