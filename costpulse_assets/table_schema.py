"""What the Dagster UI says of a table: columns with types and descriptions (the database's comments), and rows."""

import dagster as dg
from psycopg import sql

from costpulse_assets.resources.database import Database


def table_schema(database: Database, table: str) -> dg.TableSchema:
    """The columns of a table of the schema costpulse, in order."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                row["column_name"],
                row["column_type"],
                description=row["description"],
                constraints=dg.TableColumnConstraints(nullable=row["is_nullable"]),
            )
            for row in database.rows("app/table_columns", {"table": table})
        ]
    )


def row_count(database: Database, table: str) -> int:
    """Rows of a table of the schema costpulse."""
    with database.transaction() as connection:
        row = connection.execute(
            sql.SQL("select count(*) as row_count from {}").format(sql.Identifier("costpulse", table))
        ).fetchone()
    return int(row["row_count"]) if row else 0
