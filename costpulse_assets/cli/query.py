"""`costpulse query`: the headline figures, as the Overview page shows them."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import data_dir_option, format_option, print_rows
from costpulse_assets.costs.spend import DIMENSIONS, GroupSpend, Windows, spend_by_group
from costpulse_assets.errors import BadInput
from costpulse_assets.periods import Period, last_final_day, month_to_date, previous_comparable, same_weekdays
from costpulse_assets.resources.database import Connection, run
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.settings import load_settings


@click.command()
@click.argument("what", type=click.Choice(["today", "month", "top"]))
@click.option(
    "--by", type=click.Choice([name for name in DIMENSIONS if name != "tag"]), default="sku", show_default=True
)
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True)
@format_option
@data_dir_option
def query(what: str, by: str, limit: int, output_format: str, data_dir: Path | None) -> None:
    """Print headline figures in the customer's price, US dollars, UTC days.

    today: the newest days, final or not. month: month to date against the same days of the month before.
    top: the largest groups of the month to date (--by, --limit).
    """
    settings = load_settings(data_dir=data_dir)
    with open_environment(settings) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            days = {row["usage_date"]: row for row in run(connection, "app/completeness")}
            final = last_final_day((day, row["is_provisional"]) for day, row in days.items())
            if final is None:
                raise BadInput(
                    "No usage day is final yet.",
                    next_step="Run `costpulse materialize` and look again.",
                )
            columns, rows = {
                "today": lambda: _today(connection, days, final),
                "month": lambda: _month(connection, final),
                "top": lambda: _top(connection, final, by, limit),
            }[what]()
    if output_format == "table":
        rows = [[round(value, 2) if isinstance(value, Decimal) else value for value in row] for row in rows]
    print_rows(columns, rows, output_format)


def _today(connection: Connection, days: dict[date, Any], final: date) -> tuple[list[str], list[list[Any]]]:
    """The last final day and every newer one."""
    columns = ["usage_date", "cost_usd", "is_final", "share_in", "same_weekdays_cost_usd"]
    rows = []
    for day in sorted((day for day in days if day >= final), reverse=True):
        before = [total for total in (_total(connection, Period(d, d)).cost_usd for d in same_weekdays(day)) if total]
        usual = sum(before, Decimal(0)) / len(before) if before else None
        rows.append([day, _total(connection, Period(day, day)).cost_usd, day <= final, days[day]["share_in"], usual])
    return columns, rows


def _month(connection: Connection, final: date) -> tuple[list[str], list[list[Any]]]:
    """Month to date, and the same days of the month before."""
    period = month_to_date(final)
    before = previous_comparable(period)
    now, then = _total(connection, period), _total(connection, before)
    columns = ["from_date", "to_date", "cost_usd", "list_cost_usd", "dbu_count"]
    return columns, [
        [one.first, one.last, total.cost_usd, total.list_cost_usd, total.dbu_count]
        for one, total in ((period, now), (before, then))
    ]


def _top(connection: Connection, final: date, by: str, limit: int) -> tuple[list[str], list[list[Any]]]:
    """The groups of the month to date with the most cost, then the rest."""
    period = month_to_date(final)
    groups = spend_by_group(connection, Windows(period, final), by=by)
    groups.sort(key=lambda group: (-(group.cost_usd or Decimal(0)), group.group_id or ""))
    names = {(row["dimension"], row["id"]): row["name"] for row in run(connection, "app/names")}

    def name(group: GroupSpend) -> str:
        if group.group_id is None:
            return DIMENSIONS[by].without
        return group.group_name or names.get((by, group.group_id)) or group.group_id

    columns = [by, "cost_usd", "list_cost_usd", "dbu_count"]
    return columns, [[name(group), group.cost_usd, group.list_cost_usd, group.dbu_count] for group in groups[:limit]]


def _total(connection: Connection, period: Period) -> GroupSpend:
    rows = spend_by_group(connection, Windows(period, period.last), by=None)
    return rows[0] if rows else GroupSpend(None, None, None, None, None, None, None)
