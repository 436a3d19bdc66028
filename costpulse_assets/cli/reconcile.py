"""`costpulse reconcile`: an invoice or usage download against what CostPulse has."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from costpulse_assets.cli.close import Month
from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import Day, data_dir_option, format_option, print_rows
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.settings import load_settings

#: Rows of the table; the whole comparison is in JSON and CSV.
_SHOWN = 40


class Rate(click.ParamType[tuple[str, Decimal]]):
    """USD per unit of another currency, written as EUR=1.0832."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Decimal]:
        """Parse the rate or fail with what is expected."""
        currency, _, number = str(value).partition("=")
        try:
            rate = Decimal(number)
        except InvalidOperation:
            rate = Decimal(0)
        if not (len(currency) == 3 and currency.isascii() and currency.isalpha()) or not 0 < rate < 1_000_000:
            self.fail(f"{value!r} is not a rate; write US dollars per unit as EUR=1.0832", param, ctx)
        return currency.upper(), rate


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--mapping", type=click.Path(path_type=Path, dir_okay=False), help="YAML that says which column is what.")
@click.option("--month", type=Month(), help="Only this billed month of the file, such as 2026-10.")
@click.option(
    "--as-of", type=Day(), help="Last day whose usage the file can have (default: when the file was written)."
)
@click.option("--rate", "rates", type=Rate(), multiple=True, help="US dollars per unit of a currency, EUR=1.0832.")
@format_option
@data_dir_option
@click.pass_context
def reconcile(
    context: click.Context,
    file: Path,
    mapping: Path | None,
    month: date | None,
    as_of: date | None,
    rates: Sequence[tuple[str, Decimal]],
    output_format: str,
    data_dir: Path | None,
) -> None:
    """Compare FILE, an invoice or usage download as CSV, with the bill that CostPulse has.

    A difference is FILE minus CostPulse, by month, SKU and workspace, and is taken apart into causes that add up to it.
    FOCUS files and the usage download of the account console are recognised; --mapping explains any other. The exit
    code is 0 when all is equal or explained, 1 when something is not.
    """
    # Only here: what reads files takes a part of every command's start.
    from costpulse_assets.reports.invoice_file import read_invoice, read_mapping
    from costpulse_assets.reports.reconcile import CAUSES
    from costpulse_assets.reports.reconcile import reconcile as compare

    settings = load_settings(data_dir=data_dir)
    written_on = datetime.fromtimestamp(_written(file), UTC).date()
    given = None if mapping is None else read_mapping(_content(mapping), str(mapping))
    invoice = read_invoice(file, given, month=month)
    with open_environment(settings) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            found = compare(connection, invoice, as_of=as_of or written_on, rates=dict(rates))

    if output_format == "table":
        differing = [row for row in found.rows if set(row.parts) - {"rounding"}]
        print_rows(
            ["month", "sku", "workspace", "file", "costpulse", "difference", "why"],
            [
                [
                    f"{row.month:%Y-%m}",
                    row.sku_name,
                    row.workspace or row.workspace_id,
                    *(round(value, 2) for value in (row.file_value, row.our_value, row.difference)),
                    _why(row.parts),
                ]
                for row in differing[:_SHOWN]
            ],
            output_format,
        )
        if len(differing) > _SHOWN:
            click.echo(f"... and {len(differing) - _SHOWN} more; --format csv has all.")
    else:
        names = ["month", "sku_name", "workspace_id", "workspace", "file_value", "our_value", "difference", *CAUSES]
        print_rows(names, [[getattr(row, name) for name in names] for row in found.rows], output_format)
    kind = f" ({invoice.kind})" if invoice.kind else ""
    click.echo(
        f"{file}{kind}: {invoice.row_count:,} rows, {'USD' if found.measure == 'amount' else 'quantity'}", err=True
    )
    for each in found.months:
        wanted = (each.last_day - each.first_day).days + 1
        missing = f"; {wanted - each.collected_days} of these days are not collected" * (each.collected_days < wanted)
        click.echo(
            f"{each.month:%Y-%m}: compared with {each.first_day} to {each.last_day}, "
            f"recorded up to {each.as_of}{missing}",
            err=True,
        )
    for money in found.not_converted:
        click.echo(
            f"{money.amount:,f} {money.currency} is not converted; give --rate {money.currency}=... to compare it.",
            err=True,
        )
    totals = found.totals
    why = _why(totals.parts)
    click.echo(
        f"File {totals.file_value:,.2f} - CostPulse {totals.our_value:,.2f} = {totals.difference:,.2f}"
        + (f": {why}" if why else ""),
        err=True,
    )
    if totals.not_explained_count:
        rows = f"{totals.not_explained_count:,} {'row' if totals.not_explained_count == 1 else 'rows'}"
        click.echo(f"Not explained: {rows} of month, SKU and workspace, {totals.not_explained:,.2f} in all.", err=True)
        context.exit(1)


def _why(parts: dict[str, Decimal]) -> str:
    return "; ".join(f"{cause.replace('_', ' ')} {amount:,.2f}" for cause, amount in parts.items())


def _written(file: Path) -> float:
    try:
        if file.is_dir():
            raise BadInput(f"{file} is a folder.", next_step="Name one CSV file of it.")
        return file.stat().st_mtime
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.", next_step="Name a CSV file.") from error


def _content(mapping: Path) -> bytes:
    try:
        return mapping.read_bytes()
    except OSError as error:
        raise BadInput(f"{mapping} cannot be read: {error.strerror}.", next_step="Name a mapping file.") from error
