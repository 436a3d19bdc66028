"""Every statement of sql/collect, unchanged, on Apache Spark and on the demo account: same types, same rows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from costpulse_assets.resources.demo_account import DemoAccount
from costpulse_assets.resources.demo_account.tables import CATALOG, TABLES
from costpulse_assets.resources.source import Parameter
from costpulse_assets.resources.sql_files import SQL_DIR
from tests.small_account import MONDAY, SmallAccount
from tests.spark.conftest import SparkSource, assert_same, table_of

pytestmark = pytest.mark.spark

END = date(2026, 11, 20)
COLLECT = sorted((SQL_DIR / "collect").glob("*.sql"))

#: Names that have broken something somewhere.
NASTY = [
    "", "null", "'", '"', "\\", "\\\"", "a,b", "a=b;c", "<b>&amp;", "{}", "[1]", "%s", ":x", "--", "$1",
    "tab\tline\ncarriage\r", "".join(map(chr, range(1, 32))), "\x7f\x80\x9f", "\u2028\u2029", "\ufeff",
    "é", "e\u0301", "İ", "ß", "日本語", "مرحبا", "😀", "👩\u200d💻", "Ünï côdé", " padded ", "=1+1",
]  # fmt: skip


def nasty_account() -> SmallAccount:
    """Names, tags, decimals and windows at their edges."""
    account = SmallAccount()
    for number, (name, other) in enumerate(zip(NASTY, NASTY[1:] + NASTY[:1], strict=True)):
        account.add_usage(
            f"{number}.000000000000000001",
            run_as=name if number % 3 else None,
            owned_by=other if number % 2 else None,
            created_by=name,
            tags={name: other, other: None, "team": name} if number % 4 else None,
            job_id=name,
            job_name=other,
            uc_table_name=other,
            uc_table_catalog=name,
        )
        account.add_usage("-0.5", cluster_id=name, run_as=None, tags={}, product=None, serverless=number % 2 == 0)
        account.add_usage("0.25", source_region=name, destination_region=other, workspace=None, hour=number % 24)
    account.add_usage("99999999999999.999999999999999999", sku="BIG")
    account.add_usage("0.000000000000000001", sku="SMALL", ingested=date(2026, 6, 4), record_type="RESTATEMENT")
    account.add_usage("3", sku="WITHOUT PRICE", unit="GB")
    for rate in ("0.15", "0.000000000000000001", "99999999999999999999"):
        account.add_price(rate, sku={"0.15": "PREMIUM_JOBS_COMPUTE", "0.000000000000000001": "SMALL"}.get(rate, "BIG"))
    # Windows that overlap, that end, that meet in mid-day, and a currency that is not asked for.
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    account.add_price("0.2", start=noon, effective="0.1875")
    account.add_price("0.3", start=datetime(2026, 6, 1, 18, tzinfo=UTC), end=datetime(2026, 6, 1, 20, tzinfo=UTC))
    account.add_price("7", currency="EUR")
    for number, name in enumerate(NASTY):
        account.add_workspace(str(number), name)
    return account


#: Tables with rows for every minute, statement or slice: the newest days of them are enough.
LARGE = {
    "compute.node_timeline": "start_time",
    "query.history": "start_time",
    "lakeflow.job_run_timeline": "period_start_time",
    "lakeflow.job_task_run_timeline": "period_start_time",
}


def add_nasty_rows(account: SmallAccount, table: str) -> None:
    """Rows whose every text is nasty, and whose other values are small, null, or close to each other."""
    schema = table_of(account, f"select * from system.{table} limit 0").schema
    rows = [{field.name: _value(field.type, n, k) for k, field in enumerate(schema)} for n in range(3 * len(NASTY))]
    account._connection.register("nasty_rows", pa.Table.from_pylist(rows, schema=schema))
    account._connection.execute(f"insert into {CATALOG}.{table} by name select * from nasty_rows")
    account._connection.unregister("nasty_rows")


def _value(kind: pa.DataType, n: int, k: int) -> Any:
    """The n-th value of the k-th column; equal neighbours, so that versions, ties and groups come about."""
    if (n + 2 * k) % 11 == 0:
        return None
    if pa.types.is_struct(kind):
        return {field.name: _value(field.type, n, k + j) for j, field in enumerate(kind)}
    if pa.types.is_map(kind):
        return [(NASTY[(n + k) % len(NASTY)], _value(kind.item_type, n, k))]
    if pa.types.is_list(kind):
        return [_value(kind.value_type, n + j, k) for j in range(n % 4)]
    if pa.types.is_timestamp(kind):
        return datetime(2026, 6, 1, tzinfo=UTC) + timedelta(seconds=(n // 2) * 977 + k * 60)
    if pa.types.is_date(kind):
        return MONDAY
    if pa.types.is_boolean(kind):
        return n % 2 == 0
    if pa.types.is_decimal(kind):
        return Decimal(n)
    if pa.types.is_string(kind):
        return NASTY[n // 3 % len(NASTY)]
    return n % 7


#: A source, and the parameters to ask it with.
Asked = tuple[DemoAccount, dict[str, Parameter]]


@pytest.fixture(scope="module", params=["demo", "nasty"])
def account(request: pytest.FixtureRequest, on_spark: SparkSource) -> Iterator[Asked]:
    """One account after the other, its rows copied to Spark."""
    if request.param == "demo":
        source, first, last = DemoAccount(seed=7, days=21, end_date=END), date(2026, 11, 2), END
    else:
        source, first, last = nasty_account(), MONDAY, MONDAY
        for table in TABLES.keys() - {"billing.usage", "billing.list_prices", "access.workspaces_latest"}:
            add_nasty_rows(source, table)
    recent = max(first, last - timedelta(days=2))
    with source:
        for table in TABLES:
            since = f" where {LARGE[table]} >= timestamp '{recent}'" if table in LARGE else ""
            on_spark.load(table, table_of(source, f"select * from system.{table}{since}"))
            if since:
                source._connection.execute(f"delete from {CATALOG}.{table} where not ({LARGE[table]} >= '{recent}')")
        yield (
            source,
            {
                "from_date": first,
                "to_date": last,
                "currency": "USD",
                "changed_since": datetime(2020, 1, 1, tzinfo=UTC),
                "now": datetime(last.year, last.month, last.day, 12, tzinfo=UTC),
                "idle_cpu_percent": Decimal("5.0"),
                "idle_minutes": 30,
            },
        )


@pytest.mark.parametrize("path", COLLECT, ids=lambda path: path.stem)
def test_a_collect_statement_gives_the_same_rows_on_spark_as_in_the_demo_account(
    path: Path, account: Asked, on_spark: SparkSource, request: pytest.FixtureRequest
) -> None:
    source, parameters = account
    statement = path.read_text(encoding="utf-8")
    used = {name: value for name, value in parameters.items() if f":{name}" in statement}

    expected = table_of(source, statement, used)
    # Nasty texts are no event types, states or kinds of compute: some statements rightly find nothing there.
    assert expected.num_rows > 0 or "nasty" in request.node.name
    assert_same(expected, on_spark.fetch(statement, used))


def test_a_difference_in_scale_or_value_would_be_noticed(on_spark: SparkSource) -> None:
    with SmallAccount() as account:
        for statement, other in (
            ("select cast(1 as decimal(38, 18)) as v", "select cast(1 as decimal(38, 17)) as v"),
            ("select cast(1 as decimal(38, 18)) as v", "select cast(1 as decimal(38, 18)) as w"),
            ("select 'a' as v", "select 'b' as v"),
        ):
            assert_same(table_of(account, statement), on_spark.fetch(statement))
            with pytest.raises(AssertionError):
                assert_same(table_of(account, statement), on_spark.fetch(other))
