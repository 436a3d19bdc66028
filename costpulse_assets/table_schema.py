"""Column names, types and descriptions of a table for the Dagster UI; the descriptions are the database's comments."""

import dagster as dg

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
