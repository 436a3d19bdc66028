"""`costpulse close`: freeze the statement of a month, or take that back."""

import getpass
from collections import defaultdict
from datetime import date
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import click

from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import data_dir_option, format_option, print_rows
from costpulse_assets.costs.statements import StatementRow, close_month, reopen_month, statement
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import load_settings


class Month(click.ParamType[date]):
    """A month written as 2026-10; its first day."""

    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Parse the month or fail with what is expected."""
        try:
            return date.fromisoformat(f"{value}-01")
        except ValueError:
            self.fail(f"{value!r} is not a month; write it as 2026-10", param, ctx)


@click.command()
@click.argument("month", type=Month())
@click.option("--reopen", is_flag=True, help="Take the closing back; the month shows the present costs again.")
@click.option("--note", help="Why; kept with the closing.")
@click.option("--actor", default=getpass.getuser, show_default="the user of this computer", help="Who does it.")
@format_option
@data_dir_option
def close(month: date, reopen: bool, note: str | None, actor: str, output_format: str, data_dir: Path | None) -> None:
    """Close MONTH (2026-10): its statement per team is frozen, and printed.

    What changes later is booked as dated adjustments on the next open month.
    """
    settings = load_settings(data_dir=data_dir)
    with open_environment(settings) as environment:
        check_schema(environment.database.url)
        now = current_time(settings)
        if reopen:
            # Whoever runs commands here owns the database.
            reopen_month(environment.database, month, actor, is_admin=True, note=note, at=now)
        else:
            close_month(environment.database, month, actor, note=note, at=now)
        with environment.database.transaction() as connection:
            rows = team_totals(statement(connection, month))
    if output_format == "table":
        rows = [[round(value, 2) if isinstance(value, Decimal) else value for value in row] for row in rows]
    print_rows(["team", "cost_usd", "corrections_usd", "total_usd"], rows, output_format)
    click.echo(f"{month:%Y-%m} is {'open again' if reopen else 'closed'}.", err=True)


def team_totals(rows: list[StatementRow]) -> list[list[Any]]:
    """Per team, the largest first: what its month cost, corrections of earlier months, and both, in USD."""
    names: dict[int | None, str] = {}
    costs: defaultdict[int | None, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    with localcontext(Context(prec=60)):
        for row in rows:
            names.setdefault(row.team_id, row.team_name or "Unallocated")
            costs[row.team_id][row.kind == "adjustment"] += row.cost_usd or Decimal(0)
        totals = [[names[team], own, corrections, own + corrections] for team, (own, corrections) in costs.items()]
    return sorted(totals, key=lambda total: (-total[3], total[0]))
