"""Parquet read again: types, exact sums, what the file says of itself."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import LiteralString

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql
from pyarrow import parquet

from costpulse_assets.periods import Period
from costpulse_assets.reports.formats.arrow_copy import ROW_GROUP
from costpulse_assets.reports.formats.parquet import write
from costpulse_assets.resources.database import Connection, Database
from tests.conftest import database
from tests.reports import books as books_of_reports
from tests.reports.rows import HOSTILE, PROVISIONAL, Put, detail, expected_rows, put, put_many, report

EXACT = pa.decimal128(38, 18)


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
    return tmp_path / "report.parquet"


def test_the_detail_is_every_row_of_the_statement_in_its_order_with_exact_types(report_books: str, path: Path) -> None:
    with Database(report_books).transaction() as books:
        of = detail(books, period=Period(books_of_reports.FIRST, books_of_reports.TODAY))
        row_count = write(report(detail=of), path, books)
        expected = expected_rows(books, of)

    read = parquet.read_table(path)
    assert row_count == read.num_rows == len(expected) > 500
    assert read.to_pylist() == expected
    assert pc.sum(read["cost_usd"]).as_py() == of.total != 0
    assert {field.name: field.type for field in read.schema} == {
        "usage_date": pa.date32(),
        **dict.fromkeys(
            ("team", "department", "cost_center", "workspace_id", "workspace", "product", "sku_name", "usage_unit"),
            pa.string(),
        ),
        **dict.fromkeys(("usage_quantity", "list_cost_usd", "cost_usd", "unpriced_quantity"), EXACT),
        "is_provisional": pa.bool_(),
    }


def test_rows_come_in_groups_of_one_size_packed_with_zstd(connection: Connection, path: Path) -> None:
    put_many(connection, ROW_GROUP + 1)
    of = detail(connection)

    assert write(report(detail=of), path, connection) == ROW_GROUP + 1

    file = parquet.ParquetFile(path)
    groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    assert [group.num_rows for group in groups] == [ROW_GROUP, 1]
    assert {group.column(0).compression for group in groups} == {"ZSTD"}
    assert pc.sum(file.read(["cost_usd"])["cost_usd"]).as_py() == of.total


def test_the_file_says_what_it_is_of_and_what_is_not_final(connection: Connection, path: Path) -> None:
    put(connection, [Put()])

    write(report(detail=detail(connection), team="=Ö", provisional=PROVISIONAL), path, connection)

    metadata = parquet.read_schema(path).metadata
    assert {key.decode(): value.decode() for key, value in metadata.items()} == {
        "title": "Showback",
        "subtitle": "October 2026, all teams",
        "report_type": "showback",
        "team": "=Ö",
        "period": "2026-10-01 to 2026-10-31",
        "provisional": PROVISIONAL,
        "made_at": "2026-11-02T08:00:00+00:00",
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=8))
@example(list(HOSTILE))
def test_texts_are_those_of_the_source(connection: Connection, path: Path, names: list[str]) -> None:
    connection.execute("truncate costpulse.workspaces cascade")
    put(connection, [Put(workspace_id=f"{number}") for number in range(len(names))])
    connection.cursor().executemany(
        "insert into costpulse.workspaces (workspace_id, name) values (%s, %s)",
        [(f"{number}", name) for number, name in enumerate(names)],
    )

    write(report(detail=detail(connection)), path, connection)

    read = parquet.read_table(path)
    named = zip(read["workspace_id"].to_pylist(), read["workspace"].to_pylist(), strict=True)
    assert {int(number): name for number, name in named} == dict(enumerate(names))


def test_nothing_is_null_and_no_text_is_an_empty_text(connection: Connection, path: Path) -> None:
    put(connection, [Put(product="", cost=None, workspace_id=None)])

    write(report(detail=detail(connection)), path, connection)

    (row,) = parquet.read_table(path).to_pylist()
    assert (row["product"], row["cost_usd"], row["workspace_id"]) == ("", None, None)
    assert row["unpriced_quantity"] == 2


def test_a_period_without_rows_is_a_file_without_rows(connection: Connection, path: Path) -> None:
    put(connection, [])

    assert write(report(detail=detail(connection)), path, connection) == 0
    read = parquet.read_table(path)
    assert (read.num_rows, read.schema.field("cost_usd").type) == (0, EXACT)


def test_a_report_without_detail_is_its_first_table_with_exact_types(connection: Connection, path: Path) -> None:
    assert write(report(), path, connection) is None

    read = parquet.read_table(path)
    assert read.to_pylist() == [dict(zip(read.schema.names, row, strict=True)) for row in report().tables[0].rows]
    assert read.schema.types == [pa.string(), pa.date32(), EXACT, EXACT, EXACT, pa.int64(), pa.bool_()]


def test_an_executive_report_is_its_figures(connection: Connection, path: Path) -> None:
    write(report(report_type="executive"), path, connection)

    assert parquet.read_table(path).to_pylist()[0] == {
        "label": "Total cost",
        "value": "1234.567890123456789012",
        "unit": "usd",
        "note": "4.2 % more than September",
    }


def test_an_error_of_the_database_comes_through(connection: Connection, path: Path) -> None:
    put_many(connection, 5_000)
    of = detail(connection)
    cost_is(connection, "case when sku_name = 'SKU 4000' then 1 / (unpriced_quantity * 0) else cost_usd end")

    with pytest.raises(psycopg.errors.DivisionByZero):
        write(report(detail=of), path, connection)


def test_a_full_disk_is_an_error_of_the_system(connection: Connection) -> None:
    put_many(connection, 20_000)

    with pytest.raises(OSError, match="No space left"):
        write(report(detail=detail(connection)), Path("/dev/full"), connection)


def test_a_number_with_more_digits_than_the_type_is_rounded_not_refused(connection: Connection, path: Path) -> None:
    put(connection, [Put()])
    cost_is(connection, "1::numeric / 3 + 1e-25")

    write(report(detail=detail(connection)), path, connection)

    assert parquet.read_table(path)["cost_usd"].to_pylist() == [Decimal("0.333333333333333333")]


def cost_is(connection: Connection, expression: LiteralString) -> None:
    """Puts a view with another cost in the place of daily_costs, for this transaction."""
    connection.execute("alter table costpulse.daily_costs rename to kept_daily_costs")
    connection.execute(
        sql.SQL(
            "create view costpulse.daily_costs as select usage_date, workspace_id, sku_name, product, usage_unit, "
            "team_id, usage_quantity, list_cost_usd, {} as cost_usd, unpriced_quantity from costpulse.kept_daily_costs"
        ).format(sql.SQL(expression))
    )
