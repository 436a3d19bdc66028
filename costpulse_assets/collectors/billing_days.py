"""Collects finer views of the bill for days that cost_records holds: the same usage rows, grouped otherwise.

A `BillingTable` follows cost_records day by day: a day that was collected anew there is read again here, a day that was
only re-priced there is re-priced here without asking the source.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from psycopg import sql

from costpulse_assets.collectors.prices import PriceTable
from costpulse_assets.collectors.regional import storable
from costpulse_assets.identities import Identities
from costpulse_assets.periods import Period, newest_first
from costpulse_assets.resources.database import Connection, Database, copy_batches, run
from costpulse_assets.resources.source import Parameter, Source
from costpulse_assets.resources.sql_files import load_sql


@dataclass(frozen=True)
class BillingTable:
    """Usage of billed days by `sql/collect/<name>.sql` with `:from_date`, `:to_date` and `:currency`.

    The table has the columns of the result, `effective_rate` and `price_adjustment_id` besides, and its cost generated
    from quantity and rate as in cost_records.
    """

    name: str
    #: System tables of the statement.
    reads: tuple[str, ...]
    #: Columns of the result; usage_date, sku_name and dbu_rate are among them.
    columns: tuple[str, ...]
    description: str
    #: Days that are kept, counted back from today; None: as long as cost_records.
    kept_days: int | None = None
    #: File of sql/checks/ that returns a row for whatever differs from cost_records on the days.
    check: str = ""
    #: Columns that name people or service principals.
    identities: tuple[str, ...] = ()


@dataclass(frozen=True)
class DueDays:
    """What to do with which days."""

    collect: list[date]
    reprice: list[date]


def due_days(database: Database, table: BillingTable, window: Period, *, today: date, only_changed: bool) -> DueDays:
    """Days to read (all of the window, or those collected anew since) and days to re-price only."""
    oldest = date.min if table.kept_days is None else today - timedelta(days=table.kept_days - 1)
    rows = database.rows(
        "transform/billing_days_due",
        {
            "asset": table.name,
            "only_changed": only_changed,
            "oldest": oldest,
            "from_date": window.first,
            "to_date": window.last,
        },
    )
    return DueDays(
        collect=[row["usage_date"] for row in rows if not row["only_prices"]],
        reprice=[row["usage_date"] for row in rows if row["only_prices"]],
    )


def collect_billing_days(
    database: Database,
    source: Source,
    table: BillingTable,
    days: list[date],
    *,
    prices: PriceTable,
    identities: Identities,
    chunk_days: int,
    progress: Callable[[str], None] = lambda message: None,
) -> int:
    """Replaces these days, newest first, each chunk in a transaction; returns the rows.

    Raises:
        SourceError, DatabaseUnavailable, DatabaseRefused: nothing of the current chunk was written.
    """
    statement = prices.apply_to(load_sql(f"collect/{table.name}"))
    target, staged = sql.Identifier("costpulse", table.name), sql.Identifier(f"staged_{table.name}")
    rows = done = 0
    for window in newest_first(days, at_most=chunk_days):
        parameters: dict[str, Parameter] = {
            "from_date": window.first,
            "to_date": window.last,
            "currency": prices.currency,
        }
        reader = source.fetch(statement, parameters)
        with database.writing() as connection:
            connection.execute(sql.SQL("create temporary table {} (like {}) on commit drop").format(staged, target))
            batches = (storable(identities.protect(batch, table.identities)) for batch in reader)
            copy_batches(connection, staged, table.columns, batches)
            _price(connection, staged)
            connection.execute(
                sql.SQL("delete from {} where usage_date between %s and %s").format(target), [window.first, window.last]
            )
            names = sql.SQL(", ").join(map(sql.Identifier, (*table.columns, "effective_rate", "price_adjustment_id")))
            rows += connection.execute(
                sql.SQL("insert into {target} ({names}) select {names} from {staged}").format(
                    target=target, staged=staged, names=names
                )
            ).rowcount
            _remember(connection, table, list(window))
        done += len(window)
        progress(f"{done}/{len(days)} days: {table.name}")
    return rows


def reprice_billing_days(database: Database, table: BillingTable, days: list[date], *, chunk_days: int) -> None:
    """Gives these days the prices that hold now, without asking the source."""
    for window in newest_first(days, at_most=chunk_days):
        with database.writing() as connection:
            _price(connection, sql.Identifier("costpulse", table.name), window)
            _remember(connection, table, list(window))


def forget_old_days(database: Database, table: BillingTable, today: date) -> int:
    """Deletes days that are kept no longer; returns the rows."""
    if table.kept_days is None:
        return 0
    with database.writing() as connection:
        return connection.execute(
            sql.SQL("delete from {} where usage_date <= %s").format(sql.Identifier("costpulse", table.name)),
            [today - timedelta(days=table.kept_days)],
        ).rowcount


def differences(database: Database, table: BillingTable, days: list[date]) -> list[dict[str, Any]]:
    """What does not add up to cost_records on these days."""
    return database.rows(f"checks/{table.check}", {"days": days})


def _price(connection: Connection, table: sql.Composable, window: Period | None = None) -> None:
    """Set the customer's rate of every row, once per SKU, day and list rate."""
    days: sql.Composable = sql.SQL("true")
    if window is not None:
        days = sql.SQL("r.usage_date between {} and {}").format(sql.Literal(window.first), sql.Literal(window.last))
    connection.execute(
        sql.SQL(
            "update {table} as t"
            " set effective_rate = f.effective_rate, price_adjustment_id = f.price_adjustment_id"
            " from (select distinct r.sku_name, r.usage_date, r.dbu_rate from {table} as r where {days}) as p"
            " cross join lateral costpulse.price_in_force(p.sku_name, p.usage_date, p.dbu_rate) as f"
            " where t.usage_date = p.usage_date and t.sku_name = p.sku_name"
            " and t.dbu_rate is not distinct from p.dbu_rate"
            " and (t.effective_rate, t.price_adjustment_id)"
            " is distinct from (f.effective_rate, f.price_adjustment_id)"
        ).format(table=table, days=days)
    )


def _remember(connection: Connection, table: BillingTable, days: list[date]) -> None:
    run(connection, "transform/built_days", {"asset": table.name, "upstreams": ["cost_records"], "days": days})
