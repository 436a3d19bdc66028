"""`costpulse sql`: one read-only statement, as the auditor."""

from pathlib import Path

import click
import psycopg
from psycopg.rows import tuple_row

from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import data_dir_option, format_option, print_rows
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import named_database_errors
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.settings import load_settings

_ACCEPTED = "Correct it; one read-only statement over the schema costpulse is accepted."


@click.command()
@click.argument("statement")
@format_option
@click.option("--timeout", "timeout_seconds", type=click.IntRange(1, 3600), default=60, show_default=True)
@data_dir_option
def sql(statement: str, output_format: str, timeout_seconds: int, data_dir: Path | None) -> None:
    """Run one read-only STATEMENT over the tables of the schema costpulse.

    It runs as the role costpulse_auditor, in a read-only transaction, with a time limit.
    """
    with open_environment(load_settings(data_dir=data_dir)) as environment, named_database_errors():
        check_schema(environment.database.url)
        with psycopg.connect(environment.database.url, connect_timeout=10, options="-c timezone=UTC") as connection:
            connection.read_only = True
            if connection.execute("select 1 from pg_roles where rolname = 'costpulse_auditor'").fetchone():
                connection.execute("set local role costpulse_auditor")
            connection.execute("set local search_path = costpulse, public")
            connection.execute("select set_config('statement_timeout', %s, true)", [f"{timeout_seconds}s"])
            try:
                # A binary cursor speaks the extended protocol, which takes exactly one statement.
                with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
                    cursor.execute(statement.encode())
                    if cursor.description is None:
                        raise BadInput("The statement was refused: it returns no rows.", next_step=_ACCEPTED)
                    columns = [column.name for column in cursor.description]
                    rows = cursor.fetchall()
            except (psycopg.ProgrammingError, psycopg.DataError, psycopg.errors.ReadOnlySqlTransaction) as error:
                raise BadInput(
                    f"The statement was refused: {str(error).splitlines()[0]}.",
                    next_step=_ACCEPTED,
                ) from error
            except psycopg.errors.QueryCanceled as error:
                raise BadInput(
                    f"The statement took longer than {timeout_seconds} s and was cancelled.",
                    next_step="Narrow it, or raise --timeout.",
                ) from error
    print_rows(columns, rows, output_format)
