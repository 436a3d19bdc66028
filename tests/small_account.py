"""A source whose every row a test types itself: system tables in DuckDB behind the port of the demo account."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from costpulse_assets.collectors.cost_records import Collected, collect
from costpulse_assets.collectors.prices import PriceTable
from costpulse_assets.errors import SourceForbidden
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount
from costpulse_assets.resources.demo_account.tables import CATALOG, USAGE_METADATA_FIELDS, create_tables
from costpulse_assets.resources.source import Parameter

MONDAY = date(2026, 6, 1)
JOBS_SKU = "PREMIUM_JOBS_COMPUTE"
PRICES = PriceTable("list_prices", "USD")


class SmallAccount(DemoAccount):
    """Starts empty; rows are added between fetches."""

    name = "small account"

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute(f"attach ':memory:' as {CATALOG}")
        self._connection.execute("set TimeZone = 'UTC'")
        create_tables(self._connection)
        self.statements: list[str] = []
        self.forbidden: set[str] = set()

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        """As the demo account, and remembers the first line of each statement."""
        self.statements.append(statement.splitlines()[0])
        for table in self.forbidden:
            if table in statement:
                raise SourceForbidden(f"{table} cannot be read.", next_step=f"GRANT SELECT ON TABLE {table}.")
        return super().fetch(statement, parameters)

    def add_usage(
        self,
        quantity: str | None,
        *,
        day: date = MONDAY,
        hour: int = 3,
        sku: str | None = JOBS_SKU,
        workspace: str | None = "1001",
        unit: str | None = "DBU",
        record_type: str = "ORIGINAL",
        ingested: date | None = None,
        product: str | None = "JOBS",
        serverless: bool | None = None,
        run_as: str | None = "ada@example.com",
        owned_by: str | None = None,
        created_by: str | None = None,
        tags: dict[str, str | None] | None = None,
        cloud: str = "AWS",
        **metadata: str,
    ) -> None:
        """One row of system.billing.usage; further keywords are fields of usage_metadata."""
        start = datetime.combine(day, datetime.min.time(), tzinfo=UTC) + timedelta(hours=hour)
        unknown = set(metadata) - set(USAGE_METADATA_FIELDS)
        assert not unknown, unknown
        number = self._connection.execute(f"select count(*) from {CATALOG}.billing.usage").fetchone()
        row = {
            "record_id": f"record-{number[0] if number else 0}",
            "account_id": "account",
            "workspace_id": workspace,
            "sku_name": sku,
            "cloud": cloud,
            "usage_start_time": start,
            "usage_end_time": start + timedelta(hours=1),
            "usage_date": day,
            "usage_unit": unit,
            "usage_quantity": None if quantity is None else Decimal(quantity),
            "usage_metadata": {name: metadata.get(name) for name in USAGE_METADATA_FIELDS},
            "identity_metadata": {"run_as": run_as, "owned_by": owned_by, "created_by": created_by},
            "record_type": record_type,
            "ingestion_date": ingested or day,
            "billing_origin_product": product,
            "usage_type": "COMPUTE_TIME",
        }
        names, values = list(row), list(row.values())
        tag_keys, tag_values = list((tags or {}).keys()), list((tags or {}).values())
        self._connection.execute(
            f"insert into {CATALOG}.billing.usage ({', '.join(names)}, custom_tags, product_features) select "
            f"{', '.join('?' for _ in names)}, case when ? then map(?::varchar[], ?::varchar[]) end, "
            "{'is_serverless': ?::boolean}",
            [*values, tags is not None, tag_keys, tag_values, serverless],
        )

    def add_price(
        self,
        rate: str,
        *,
        sku: str = JOBS_SKU,
        unit: str = "DBU",
        cloud: str = "AWS",
        start: datetime = datetime(2025, 1, 1, tzinfo=UTC),
        end: datetime | None = None,
        effective: str | None = None,
        currency: str = "USD",
    ) -> None:
        """One row of system.billing.list_prices."""
        self._connection.execute(
            f"insert into {CATALOG}.billing.list_prices select 'account', ?, ?, ?, ?, ?, ?, "
            "{'default': ?::decimal(38, 18), 'promotional': {'default': null}, "
            "'effective_list': {'default': ?::decimal(38, 18)}}",
            [start, end, sku, cloud, currency, unit, Decimal(rate), Decimal(effective) if effective else None],
        )

    def add_workspace(self, workspace_id: str, name: str) -> None:
        """One row of system.access.workspaces_latest."""
        self._connection.execute(
            f"insert into {CATALOG}.access.workspaces_latest values ('account', ?, ?, ?, now(), 'RUNNING')",
            [workspace_id, name, f"https://{name}.cloud.example.com/"],
        )

    def change(self, statement: str) -> None:
        """Any other change, e.g. a price window that ends; tables are called billing.usage and so on."""
        for schema in ("billing", "access"):
            statement = statement.replace(f"{schema}.", f"{CATALOG}.{schema}.")
        self._connection.execute(statement)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Raw rows of a table such as billing.usage."""
        return list(self._connection.execute(f"select * from {CATALOG}.{table}").to_arrow_table().to_pylist())


@contextmanager
def small_account(**price: Any) -> Iterator[SmallAccount]:
    """An account with one price for the jobs SKU."""
    with SmallAccount() as account:
        account.add_price("0.15", **price)
        yield account


def collect_days(database: Database, account: Any, *days: date) -> Collected:
    """Collect these days (one if none is given) as an explicit materialization does."""
    return collect(database, account, list(days) or [MONDAY], prices=PRICES, chunk_days=31, identities=Identities(None))
