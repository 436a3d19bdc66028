"""What the Dagster UI says of a table: columns with types and descriptions (the database's comments), and rows.

Definitions load without a database, and the columns in every materialization would be nine tenths of Dagster's event
log: so they stand in `table_columns.csv`, which `python -m costpulse_assets.table_schema` prints and a test holds
against the migrations.
"""

import csv
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from psycopg import sql

from costpulse_assets.resources.database import Database

_FILE = Path(__file__).with_name("table_columns.csv")


def with_table_schemas(assets: Iterable[Any]) -> list[Any]:
    """The same assets and specs; those that are tables of ours show their columns, in order."""
    return list(dg.map_asset_specs(_with_table_schema, assets))


def row_count(database: Database, table: str) -> int:
    """Rows of a table of the schema costpulse."""
    with database.transaction() as connection:
        row = connection.execute(
            sql.SQL("select count(*) as row_count from {}").format(sql.Identifier("costpulse", table))
        ).fetchone()
    return int(row["row_count"]) if row else 0


def stored_columns(database: Database) -> list[dict[str, str]]:
    """One entry per table of the schema costpulse and column: what `table_columns.csv` has to say of it."""
    return [
        {**row, "is_nullable": "yes" if row["is_nullable"] else "no", "description": row["description"] or ""}
        for row in database.rows("app/table_columns")
    ]


def declared_columns() -> list[dict[str, str]]:
    """The entries of `table_columns.csv`."""
    with _FILE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _with_table_schema(spec: dg.AssetSpec) -> dg.AssetSpec:
    columns = _columns().get(spec.key.to_user_string())
    return spec if columns is None else spec.merge_attributes(metadata={"dagster/column_schema": columns})


@cache
def _columns() -> dict[str, dg.TableSchema]:
    tables: dict[str, list[dg.TableColumn]] = {}
    for column in declared_columns():
        tables.setdefault(column["table_name"], []).append(
            dg.TableColumn(
                column["column_name"],
                column["column_type"],
                description=column["description"] or None,
                constraints=dg.TableColumnConstraints(nullable=column["is_nullable"] == "yes"),
            )
        )
    return {table: dg.TableSchema(columns=columns) for table, columns in tables.items()}


def _print_columns() -> None:
    from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
    from costpulse_assets.resources.migrations import migrate

    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url())
        columns = stored_columns(Database(server.url()))
    writer = csv.DictWriter(sys.stdout, columns[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(columns)


if __name__ == "__main__":
    _print_columns()
