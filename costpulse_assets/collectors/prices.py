"""Collects list prices, and decides which price table the account has.

A price that is new, gone, or changes its window or rate marks the collected days that hold usage of its SKU: the next
collection of changed days takes them again.
"""

from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from costpulse_assets.errors import BadSettings, SourceForbidden
from costpulse_assets.resources.database import Database, copy_batches, run
from costpulse_assets.resources.source import Source
from costpulse_assets.resources.sql_files import load_sql

PriceTableName = Literal["list_prices", "account_prices"]

COLUMNS = (
    "cloud",
    "sku_name",
    "usage_unit",
    "currency_code",
    "price_start_time",
    "price_end_time",
    "default_rate",
    "effective_rate",
    "account_id",
)


@dataclass(frozen=True)
class PriceTable:
    """The table of `system.billing` that prices come from, and their currency."""

    name: PriceTableName
    currency: str

    def apply_to(self, statement: str) -> str:
        """The statement, reading this price table: a name out of two, never a value from outside."""
        return statement.replace("system.billing.list_prices", f"system.billing.{self.name}")


def choose_price_table(source: Source, wanted: Literal["auto", PriceTableName], currency: str) -> PriceTable:
    """The price table to join; `auto` takes account_prices where it can be read and holds our currency.

    Raises:
        BadSettings: the chosen table holds no price in this currency: everything would be unpriced.
        SourceError: the table that was asked for cannot be read.
    """
    names: tuple[PriceTableName, ...] = ("account_prices", "list_prices") if wanted == "auto" else (wanted,)
    for name in names:
        table = PriceTable(name, currency)
        try:
            found = source.fetch(
                table.apply_to(load_sql("collect/price_table_probe")), {"currency": currency}
            ).read_all()
        except SourceForbidden:
            if name == names[-1]:
                raise
            continue
        if found.num_rows:
            return table
    raise BadSettings(
        f"system.billing.{names[-1]} holds no price in {currency}.",
        next_step="Set COSTPULSE_CURRENCY to the currency of your account's price table.",
    )


def collect_list_prices(database: Database, source: Source, prices: PriceTable) -> dict[str, int]:
    """Replaces list_prices with the source's present list; returns counts for metadata."""
    reader = source.fetch(prices.apply_to(load_sql("collect/list_prices")), {"currency": prices.currency})
    with database.writing() as connection:
        run(connection, "transform/stage_list_prices")
        copy_batches(connection, sql.Identifier("staged_list_prices"), COLUMNS, reader)
        parameters = {"currency": prices.currency}
        marked = connection.execute(load_sql("transform/list_prices_mark_days").encode(), parameters).rowcount
        vanished = connection.execute(load_sql("transform/list_prices_remove_vanished").encode(), parameters).rowcount
        written = connection.execute(load_sql("transform/list_prices").encode()).rowcount
        total = connection.execute("select count(*) as prices from staged_list_prices").fetchone()
    return {
        "prices": total["prices"] if total else 0,
        "new_or_changed": written,
        "vanished": vanished,
        "days_marked": marked,
    }
