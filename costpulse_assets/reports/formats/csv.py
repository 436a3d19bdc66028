"""A report as CSV: UTF-8, lines end with LF, quoted as RFC 4180 says; the detail is streamed by the database itself."""

import csv
from pathlib import Path

import psycopg
from psycopg import sql

from costpulse_assets.reports.formats.flat_table import as_text, flat_table
from costpulse_assets.reports.formats.text_cells import harmless, harmless_sql, is_suspicious_sql
from costpulse_assets.reports.report import Column, Detail, Report
from costpulse_assets.resources.database import Connection
from costpulse_assets.resources.sql_files import load_sql


def write(report: Report, path: Path, connection: Connection) -> int | None:
    """Write the detail, or what stands for it, with the keys of the columns as header.

    Decimals are written with all their digits, days as 2026-11-24, truth as true and false, nothing as nothing. Texts
    are harmless to spreadsheets.

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
        return _copy(report.detail, path, connection)
    columns, rows = flat_table(report)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.key for column in columns])
        writer.writerows(
            [harmless(value) if isinstance(value, str) else as_text(value) for value in row] for row in rows
        )
    return None


def _copy(detail: Detail, path: Path, connection: Connection) -> int:
    with path.open("wb", buffering=1 << 20) as file, psycopg.ClientCursor(connection) as cursor:
        with cursor.copy(copy_statement(detail), detail.parameters) as copy:
            for row in copy:
                file.write(row)
        return cursor.rowcount


def copy_statement(detail: Detail) -> sql.Composed:
    """The statement of a detail within a COPY, with its own placeholders and order, and texts made harmless."""
    texts = [sql.Identifier(column.key) for column in detail.columns if column.kind == "text"]
    # Without the offset each column would look for itself, and the look costs more than all the rest.
    return sql.SQL(
        "copy (select {columns} from (select {keys}, {suspicious} as is_suspicious from (\n{statement}\n) as detail "
        "offset 0) as detail) to stdout (format csv, header, encoding 'utf8')"
    ).format(
        columns=sql.SQL(", ").join(map(_column, detail.columns)),
        keys=sql.SQL(", ").join(sql.Identifier(column.key) for column in detail.columns),
        suspicious=is_suspicious_sql(texts),
        statement=sql.SQL(load_sql(detail.statement)),
    )


def _column(column: Column) -> sql.Composable:
    name = sql.Identifier(column.key)
    if column.kind == "boolean":
        return sql.SQL("{0}::text as {0}").format(name)
    if column.kind == "text":
        return sql.SQL("case when is_suspicious then {} else {} end as {}").format(harmless_sql(name), name, name)
    return name
