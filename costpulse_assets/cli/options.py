"""Options and output shared by the commands."""

import csv
import json
import math
import sys
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where CostPulse keeps its files (COSTPULSE_DATA_DIR; default .costpulse).",
)
format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How rows are printed; json is one array of objects.",
)


class Day(click.ParamType[date]):
    """A UTC day written as 2026-11-01."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Parse the day or fail with what is expected."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; write it as 2026-11-01", param, ctx)


def window_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--from and --to, inclusive UTC days."""
    function = click.option("--to", "to_date", type=Day(), help="Last day, inclusive (UTC).")(function)
    return click.option("--from", "from_date", type=Day(), help="First day, inclusive (UTC).")(function)


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], output_format: str) -> None:
    """Print rows as a table for people, or as JSON or CSV for programs; numbers keep every digit."""
    if output_format == "json":
        objects = (
            "{"
            + ", ".join(f"{json.dumps(name)}: {_json(value)}" for name, value in zip(columns, row, strict=True))
            + "}"
            for row in rows
        )
        click.echo("[" + ",\n ".join(objects) + "]")
    elif output_format == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([_text(value) for value in row] for row in rows)
    else:
        table = Table(show_edge=False, pad_edge=False)
        for position, name in enumerate(columns):
            numeric = any(isinstance(row[position], int | float | Decimal) for row in rows)
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            # As Text, not as markup: names from the account may hold brackets.
            table.add_row(*(Text(_text(value)) for value in row))
        # Without a terminal nobody's screen is too narrow: a pipe gets whole lines.
        console = Console()
        Console(width=None if console.is_terminal else 1_000).print(table)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return str(value)


def _json(value: Any) -> str:
    """JSON text of a value; a Decimal is a JSON number with all its digits."""
    if isinstance(value, Decimal | float) and not math.isfinite(value):
        return json.dumps(str(value))  # JSON has no infinity
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, default=str, ensure_ascii=False)
