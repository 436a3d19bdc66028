"""`costpulse explain`: why a cost of a day went to whom it went."""

import textwrap
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path
from typing import Any

import click

from costpulse_assets.allocation.explain import Explanation, Part, Receiver, Subject
from costpulse_assets.allocation.explain import explain as explain_cost
from costpulse_assets.allocation.words import number, usd
from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import Day, data_dir_option, format_option, print_rows
from costpulse_assets.identities import identities_of
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.settings import load_settings

#: Most of those asked before that a person reads for each part.
_ASKED = 15


@click.command()
@click.option("--date", "day", type=Day(), required=True, help="Usage day (UTC).")
@click.option("--cluster", help="Id, or name on that day; * stands for anything, here and below.")
@click.option("--job", help="Id, or name on that day.")
@click.option("--warehouse", help="Id, or name on that day.")
@click.option("--user", help="Address, or id of a service principal.")
@click.option("--sku", help="SKU.")
@click.option("--tag", help="key=value.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Parts, largest first.")
@format_option
@data_dir_option
def explain(day: date, limit: int, output_format: str, data_dir: Path | None, user: str | None, **about: Any) -> None:
    """Say why a cost went where it went.

    Which rule or split, which value matched, who was asked before, at what price, and the statement that fetches the
    usage from Databricks. As JSON: one object for each part and team.
    """
    settings = load_settings(data_dir=data_dir)
    subject = Subject(user=None if user is None else identities_of(settings).protect_text(user), **about)
    with open_environment(settings) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            explained = explain_cost(connection, day, subject, limit=limit)
    if output_format == "table":
        click.echo("\n".join(_lines(explained)))
        return
    rows = [_row(explained, part, receiver) for part in explained.parts for receiver in part.receivers]
    print_rows(list(rows[0]), [list(row.values()) for row in rows], output_format)


def _row(explained: Explanation, part: Part, receiver: Receiver) -> dict[str, Any]:
    """What a part is, who gets it, why; flat, so that each amount is a number with all its digits."""
    told = {field.name: getattr(part, field.name) for field in fields(part)}
    for name in ("usage_quantity", "cost_usd"):
        told[f"part_{name}"] = told.pop(name)
    del told["receivers"]
    told |= {"key_id": str(part.key_id), "prices": list(part.prices), "tried": list(part.tried)}
    return {"usage_date": explained.day, **asdict(receiver), **told, "remarks": list(explained.remarks)}


def _lines(explained: Explanation) -> Iterator[str]:
    yield from _wrapped(f"{explained.subject} on {explained.day} cost {usd(explained.cost_usd)}:", "")
    for team, cost in explained.teams:
        yield from _wrapped(f"{usd(cost)} {team or 'Unallocated'}", "  ")
    yield from explained.remarks
    for position, part in enumerate(explained.parts, 1):
        yield ""
        yield from _wrapped(f"{position}. {part.sku_name}, {part.name}: {usd(part.cost_usd)}", "")
        yield from _wrapped(part.reason, "   ")
        for receiver in part.receivers:
            gets = f"- {receiver.team or 'Unallocated'}: {usd(receiver.cost_usd)}"
            if receiver.share != 1:
                gets += f", {number(round(receiver.share * 100, 6))}%"
            yield from _wrapped(f"{gets}; {receiver.share_reason}" if receiver.share_reason else gets, "   ")
        for price in part.prices:
            yield from _wrapped(price, "   ")
        if part.tried:
            yield "   Asked before, in this order:"
            for sentence in part.tried[:_ASKED]:
                yield from _wrapped(f"- {sentence}", "   ")
            if len(part.tried) > _ASKED:
                yield f"   - and {len(part.tried) - _ASKED} others: see --format json"
        yield "   The usage in Databricks:"
        yield textwrap.indent(f"{part.statement};", "       ")
    if explained.parts_left_out:
        yield ""
        yield f"Smaller parts left out: {explained.parts_left_out}, {usd(explained.left_out_usd)} in all; see --limit."


def _wrapped(sentence: str, indent: str) -> list[str]:
    # Names come from the account, and a terminal would obey what they hold.
    sentence = "".join(letter if letter.isprintable() else " " for letter in sentence)
    return textwrap.wrap(
        sentence,
        118,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
