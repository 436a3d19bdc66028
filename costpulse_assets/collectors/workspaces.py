"""Collects workspaces: listed ones from the source, vanished ones from the usage they left."""

from datetime import date, timedelta

from psycopg import sql

from costpulse_assets.resources.database import Database, copy_batches, run
from costpulse_assets.resources.source import Source
from costpulse_assets.resources.sql_files import load_sql

COLUMNS = ("account_id", "workspace_id", "workspace_name", "workspace_url", "create_time", "status")

#: Cloud, region and plan are read off usage of this many days.
USAGE_DAYS = 90


def collect_workspaces(database: Database, source: Source, today: date) -> int:
    """Brings `workspaces` up to date; returns the number of rows of the table."""
    reader = source.fetch(load_sql("collect/workspaces"))
    with database.writing() as connection:
        run(connection, "transform/stage_workspaces")
        copy_batches(connection, sql.Identifier("staged_workspaces"), COLUMNS, reader)
        run(connection, "transform/renamed_workspaces", {"today": today})
        run(connection, "transform/workspaces", {"since": today - timedelta(days=USAGE_DAYS)})
        row = connection.execute("select count(*) as workspaces from costpulse.workspaces").fetchone()
    return int(row["workspaces"]) if row else 0
