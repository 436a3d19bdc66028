"""A report as Parquet: its detail with exact decimals, streamed through Arrow one row group at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import parquet

from costpulse_assets.reports.formats.arrow_copy import ROW_GROUP, row_groups
from costpulse_assets.reports.formats.flat_table import flat_table
from costpulse_assets.reports.report import Column, Detail, Kind, Report, Value
from costpulse_assets.resources.database import Connection
from costpulse_assets.resources.sql_files import load_sql

_EXACT = pa.decimal128(38, 18)
_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "date": pa.date32(),
    "usd": _EXACT,
    "quantity": _EXACT,
    "percent": _EXACT,
    "integer": pa.int64(),
    "boolean": pa.bool_(),
}


def write(report: Report, path: Path, connection: Connection) -> int | None:
    """Write the detail, or what stands for it: one file, zstd, with what it is of in its metadata.

    Texts are those of the source, untouched: nothing that reads Parquet runs them. Metadata of the file: title,
    subtitle, report_type, team, period ("2026-10-01 to 2026-10-31"), provisional (the sentence; empty: all days are
    final) and made_at.

    Args:
        report: what to write.
        path: the file, made or replaced.
        connection: where the detail is read, in the transaction the report was built in.

    Returns:
        Rows of detail; None: the report has none.

    Raises:
        OSError: the file cannot be written; a part of it may be there.
    """
    if report.detail is not None:
        columns, tables = report.detail.columns, _streamed(report.detail, connection)
    else:
        columns, rows = flat_table(report)
        tables = iter([_table(columns, rows)])
    schema = _schema(columns).with_metadata(_metadata(report))
    row_count = 0
    with path.open("wb") as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        # One row group is held at a time: fetching the next one meanwhile would gain little.
        for table in tables:
            writer.write_table(table, ROW_GROUP)
            row_count += table.num_rows
            del table
    return None if report.detail is None else row_count


def _streamed(detail: Detail, connection: Connection) -> Iterator[pa.Table]:
    """The detail in tables of one row group each."""
    # A sum or share may have more digits than the type.
    statement = sql.SQL("copy (select {columns} from (\n{statement}\n) as detail) to stdout (format csv)").format(
        columns=sql.SQL(", ").join(map(_column, detail.columns)),
        statement=sql.SQL(load_sql(detail.statement)),
    )
    with psycopg.ClientCursor(connection).copy(statement, detail.parameters) as copy:
        yield from row_groups(copy, _schema(detail.columns))


def _column(column: Column) -> sql.Composable:
    name = sql.Identifier(column.key)
    return sql.SQL("round({0}, 18) as {0}").format(name) if _TYPES[column.kind] == _EXACT else name


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([pa.field(column.key, _TYPES[column.kind]) for column in columns])


def _table(columns: tuple[Column, ...], rows: Sequence[tuple[Value, ...]]) -> pa.Table:
    values = zip(*rows, strict=True) if rows else ([] for _ in columns)
    arrays = [pa.array(column, field.type) for column, field in zip(values, _schema(columns), strict=True)]
    return pa.Table.from_arrays(arrays, schema=_schema(columns))


def _metadata(report: Report) -> dict[str, str]:
    return {
        "title": report.title,
        "subtitle": report.subtitle,
        "report_type": report.report_type,
        "team": report.team or "",
        "period": f"{report.period.first} to {report.period.last}",
        "provisional": report.provisional or "",
        "made_at": report.made_at.isoformat(),
    }
