"""The raw rows of `system.billing.list_prices`."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa

from costpulse_assets.resources.demo_account import planted
from costpulse_assets.resources.demo_account.model import ACCOUNT_ID
from costpulse_assets.resources.demo_account.streams import Stream
from costpulse_assets.resources.demo_account.tables import CATALOG

#: USD per unit by SKU core: AWS Premium, AWS Enterprise, Azure Premium.
RATES: dict[str, tuple[str, str, str]] = {
    "ALL_PURPOSE_COMPUTE": ("0.55", "0.65", "0.55"),
    "JOBS_COMPUTE": ("0.15", "0.20", "0.30"),
    "DLT_CORE_COMPUTE": ("0.20", "0.25", "0.30"),
    "DLT_PRO_COMPUTE": ("0.25", "0.25", "0.38"),
    "DLT_ADVANCED_COMPUTE": ("0.36", "0.36", "0.54"),
    "SQL_COMPUTE": ("0.22", "0.22", "0.22"),
    "SQL_PRO_COMPUTE": ("0.55", "0.55", "0.55"),
    "SERVERLESS_SQL_COMPUTE": ("0.70", "0.70", "0.70"),
    "JOBS_SERVERLESS_COMPUTE": ("0.35", "0.45", "0.45"),
    "ALL_PURPOSE_SERVERLESS_COMPUTE": ("0.75", "0.95", "0.95"),
    "SERVERLESS_REAL_TIME_INFERENCE": ("0.07", "0.07", "0.07"),
    "VECTOR_SEARCH": ("0.28", "0.28", "0.28"),
    "DATABASE_SERVERLESS_COMPUTE": ("0.40", "0.52", "0.52"),
    "DATABRICKS_STORAGE": ("0.023", "0.023", "0.026"),
    "INTERNET_EGRESS_FROM": ("0.09", "0.09", "0.087"),
    "INTER_REGION_EGRESS_FROM": ("0.02", "0.02", "0.05"),
    "PUBLIC_CONNECTIVITY_DATA_PROCESSED": ("0.0045", "0.0045", "0.0045"),
    "PRIVATE_CONNECTIVITY_DATA_PROCESSED": ("0.01", "0.01", "0.01"),
}

#: Prices that never changed are in force from here.
BEGINNING = datetime(2013, 1, 1, tzinfo=UTC)

_DECIMAL = pa.decimal128(38, 18)
_DEFAULT = pa.struct([("default", _DECIMAL)])
_SCHEMA = pa.schema(
    [
        ("price_start_time", pa.timestamp("us", tz="UTC")),
        ("price_end_time", pa.timestamp("us", tz="UTC")),
        ("sku_name", pa.string()),
        ("cloud", pa.string()),
        ("usage_unit", pa.string()),
        (
            "pricing",
            pa.struct([("default", _DECIMAL), ("promotional", _DEFAULT), ("effective_list", _DEFAULT)]),
        ),
    ]
)


def generate_prices(
    connection: duckdb.DuckDBPyConnection, streams: Sequence[Stream], *, end_date: date, as_of: date
) -> None:
    """Fill `billing.list_prices` with the prices published by noon of as_of."""
    skus: dict[tuple[str, str], Stream] = {}
    for stream in streams:
        for sku in filter(None, (stream.sku, stream.restated_sku)):
            skus.setdefault((sku, stream.cloud), stream)
    rows = []
    for (sku, cloud), stream in sorted(skus.items(), key=lambda item: item[0]):
        windows = _windows(sku, cloud, stream.core, end_date=end_date, as_of=as_of)
        for number, (start, rate) in enumerate(windows, 1):
            end = windows[number][0] if number < len(windows) else None
            effective = _promotional(sku)
            rows.append(
                {
                    "price_start_time": start,
                    "price_end_time": end,
                    "sku_name": sku,
                    "cloud": cloud,
                    "usage_unit": stream.unit,
                    "pricing": {
                        "default": rate,
                        "promotional": {"default": effective},
                        "effective_list": {"default": rate if effective is None else effective},
                    },
                }
            )
    connection.register("prices", pa.Table.from_pylist(rows, schema=_SCHEMA))
    connection.execute(
        f"""
        insert into {CATALOG}.billing.list_prices
        select $account_id, price_start_time, price_end_time, sku_name, cloud, 'USD', usage_unit, pricing
        from prices
        """,  # noqa: S608 - a constant of ours
        {"account_id": ACCOUNT_ID},
    )
    connection.unregister("prices")


def _windows(sku: str, cloud: str, core: str, *, end_date: date, as_of: date) -> list[tuple[datetime, Decimal]]:
    """Start and rate of each price published by as_of; each is in force until the next one starts."""
    if sku in {fact.subject for fact in planted.facts("no price")}:
        return []
    for fact in planted.facts("free usage", "tiny rate"):
        if sku == fact.subject:
            return [(BEGINNING, Decimal(str(fact.size)))]
    for fact in planted.facts("late price"):
        if sku == fact.subject:
            if as_of < end_date + timedelta(days=fact.arrives or 0):
                return []
            return [(_midnight(end_date, fact), Decimal(str(fact.size)))]
    aws_premium, aws_enterprise, azure = RATES[core]
    rate = azure if cloud == "AZURE" else aws_enterprise if sku.startswith("ENTERPRISE_") else aws_premium
    windows = [(BEGINNING, Decimal(rate))]
    for fact in planted.facts("price change"):
        if sku == fact.subject and as_of >= end_date + timedelta(days=fact.first_day or 0):
            start = _midnight(end_date, fact)
            if sku == planted.STRADDLED_SKU:
                start -= timedelta(seconds=1)
            windows.append((start, Decimal(str(fact.size))))
    return windows


def _promotional(sku: str) -> Decimal | None:
    for fact in planted.facts("promotional price"):
        if sku == fact.subject:
            return Decimal(str(fact.size))
    return None


def _midnight(end_date: date, fact: planted.Fact) -> datetime:
    return datetime.combine(end_date + timedelta(days=fact.first_day or 0), time(), UTC)
