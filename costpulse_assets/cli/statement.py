"""`costpulse statement`: what every team owes for a month, now or as it was known on a day."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import click

from costpulse_assets.cli.close import Month, team_totals
from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import Day, data_dir_option, format_option, print_rows
from costpulse_assets.costs.statements import KnownBill, bill_as_of
from costpulse_assets.costs.statements import statement as statement_of
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.settings import load_settings


@click.command()
@click.argument("month", type=Month())
@click.option("--known-on", type=Day(), help="What the usage of the month cost as it was known at the end of this day.")
@format_option
@data_dir_option
def statement(month: date, known_on: date | None, output_format: str, data_dir: Path | None) -> None:
    """Print the statement of MONTH (2026-10) per team.

    With --known-on: what its usage cost by the corrections, prices and rules that were known at the end of that UTC
    day; of a month that was closed by then its statement, with its own later corrections up to that day.
    """
    settings = load_settings(data_dir=data_dir)
    with open_environment(settings) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            bill = (
                KnownBill(statement_of(connection, month))
                if known_on is None
                else bill_as_of(connection, month, known_on)
            )
    rows = team_totals(bill.lines)
    if output_format == "table":
        rows = [[round(value, 2) if isinstance(value, Decimal) else value for value in row] for row in rows]
    print_rows(["team", "cost_usd", "corrections_usd", "total_usd"], rows, output_format)
    if bill.remark:
        click.echo(bill.remark, err=True)
