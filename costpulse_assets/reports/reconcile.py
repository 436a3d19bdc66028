"""Our months against an invoice or usage download: what differs per month, SKU and workspace, and why.

A difference is what the file has minus what CostPulse has. It is taken apart into causes whose amounts add up to it to
the last digit; what no cause accounts for is named as not explained, never hidden in another one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import TypeVar

from psycopg import sql
from psycopg.rows import class_row

from costpulse_assets.errors import BadInput
from costpulse_assets.reports.invoice_file import InvoiceFile, Measure
from costpulse_assets.resources.database import Connection, copy_batches, run
from costpulse_assets.resources.sql_files import load_sql

_Kind = TypeVar("_Kind")

_FILE_COLUMNS = (
    *("month", "usage_month", "sku_name", "workspace", "currency", "row_count", "quantity", "amount", "list_amount"),
    *("first_day", "last_day", "ingested_on"),
)


@dataclass(frozen=True)
class Causes:
    """Why a difference is there: amounts that add up to it, in USD (or in the unit of a quantity).

    Attributes:
        unpriced: usage without a price, or without a list price, with us.
        discount: the same usage at another price than ours, at most the list price.
        late_rows: usage that was recorded after the file was made.
        currency: what is in other currencies than USD, without a rate.
        missing_workspace: workspaces that only one side has usage of in the month.
        earlier_months: corrections of earlier months that the file bills in this one.
        rounding: within what the decimals of the file allow.
        not_explained: the rest.
    """

    unpriced: Decimal
    discount: Decimal
    late_rows: Decimal
    currency: Decimal
    missing_workspace: Decimal
    earlier_months: Decimal
    rounding: Decimal
    not_explained: Decimal

    @property
    def parts(self) -> dict[str, Decimal]:
        """The causes that have an amount, by name."""
        return {name: amount for name in CAUSES if (amount := getattr(self, name))}


#: Names of the causes, in the order in which they are shown.
CAUSES = tuple(field.name for field in fields(Causes))


@dataclass(frozen=True)
class Compared(Causes):
    """One month, SKU and workspace; `sku_name` or `workspace_id` is None where the file does not tell, or has none."""

    month: date
    sku_name: str | None
    workspace_id: str | None
    workspace: str | None
    file_value: Decimal
    our_value: Decimal
    difference: Decimal


@dataclass(frozen=True)
class ComparedMonth:
    """Which of our days a month of the file was compared with.

    `as_of`: usage that was recorded after this day is late. `collected_days` are those of the days that we have.
    """

    month: date
    first_day: date
    last_day: date
    as_of: date
    collected_days: int


@dataclass(frozen=True)
class Totals(Causes):
    """All of a comparison; `not_explained_count` rows have a part that is not explained."""

    file_value: Decimal
    our_value: Decimal
    difference: Decimal
    not_explained_count: int


@dataclass(frozen=True)
class NotConverted:
    """Money of the file in a currency without a rate."""

    currency: str
    amount: Decimal


@dataclass(frozen=True)
class Reconciliation:
    """A comparison. `rows` are all, also those without a difference."""

    measure: Measure
    months: list[ComparedMonth]
    rows: list[Compared]
    totals: Totals
    not_converted: list[NotConverted]


def reconcile(
    connection: Connection, invoice: InvoiceFile, *, as_of: date, rates: Mapping[str, Decimal] | None = None
) -> Reconciliation:
    """Compares a file with what we have.

    Args:
        connection: as the owner of the schema, in a transaction; temporary tables are made in it.
        invoice: the file.
        as_of: last day whose usage the file can have, where the file itself does not tell when it was recorded.
        rates: USD per unit of other currencies; they go before those of the mapping.

    Raises:
        BadInput: CostPulse has collected nothing of its months.
    """
    mapping = invoice.mapping
    columns = mapping.columns
    all_rates = {**mapping.rates, **(rates or {}), "USD": Decimal(1)}
    connection.execute(
        "drop table if exists pg_temp.reconcile_file, pg_temp.reconcile_months, pg_temp.reconcile_result"
    )
    run(connection, "reports/reconcile_create_file")
    copy_batches(connection, sql.Identifier("reconcile_file"), _FILE_COLUMNS, invoice.totals.to_batches())
    run(connection, "reports/reconcile_create_months", {"has_days": columns.date is not None, "as_of": as_of})
    months = _rows_of(connection, ComparedMonth, "reports/reconcile_months")
    if not any(month.collected_days for month in months):
        raise BadInput(
            f"CostPulse has collected no usage of {_listed([f'{month.month:%Y-%m}' for month in months])}.",
            next_step="Collect these days with `costpulse materialize --from D --to D`, or choose another file.",
        )
    run(
        connection,
        "reports/reconcile_result",
        {
            "currencies": list(all_rates),
            "rates": list(all_rates.values()),
            "by_quantity": mapping.measure == "quantity",
            "by_sku": columns.sku is not None,
            "by_workspace": columns.workspace is not None,
            "unit": mapping.unit,
            "first_day": min(month.first_day for month in months),
            "last_day": max(month.last_day for month in months),
            "half_place": Decimal(5).scaleb(-invoice.places - 1),
        },
    )
    not_converted = _rows_of(connection, NotConverted, "reports/reconcile_currencies", {"currencies": list(all_rates)})
    return Reconciliation(
        mapping.measure,
        months,
        _rows_of(connection, Compared, "reports/reconcile_rows"),
        _rows_of(connection, Totals, "reports/reconcile_totals")[0],
        not_converted if mapping.measure == "amount" else [],
    )


def _rows_of(
    connection: Connection, kind: type[_Kind], statement: str, parameters: Mapping[str, object] | None = None
) -> list[_Kind]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters or {}).fetchall()


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
