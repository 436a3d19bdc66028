"""Whatever was collected and however it is shared: no unit and no cent more or less in the files than in the tables."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.resources.database import Database
from tests.conftest import database
from tests.reports.focus.bill import NOVEMBER, OCTOBER, SKU, Bill

EXACT = Context(prec=90)
#: Usage day x SKU -> quantity, list cost, cost.
Sums = dict[tuple[date, str], list[Decimal]]

quantities = st.decimals(min_value="0.000000000000000001", max_value="1000", places=18)
rates = st.sampled_from(["0.07", "0.15", "0.123456789012345678", "0"])
shares = st.lists(st.integers(1, 9), min_size=2, max_size=3)
records = st.fixed_dictionaries(
    {
        "day": st.sampled_from([date(2026, 10, 5), date(2026, 10, 31), date(2026, 11, 2)]),
        "key": st.integers(0, 2),
        "quantity": quantities,
        # Half of a day at another price: a price that changes inside it.
        "list_rate": rates,
        "discount": st.sampled_from(["0", "0.125", "0.333333"]),
        "sku": st.sampled_from([SKU, "PREMIUM_SQL_PRO_COMPUTE"]),
        "restated": st.none() | st.tuples(quantities, st.integers(1, 45)),
        "is_retracted": st.booleans(),
        "is_priced": st.sampled_from([True, True, True, False]),
    }
)


def recorded(bill: Bill) -> Sums:
    """What cost_records have with a list price, net."""
    rows = bill.rows(
        "select usage_date, sku_name, sum(usage_quantity) as quantity, sum(list_cost_usd) as list, "
        "sum(cost_usd) as cost "
        "from costpulse.cost_records where list_cost_usd is not null group by 1, 2"
    )
    return {
        (row["usage_date"], row["sku_name"]): [row["quantity"], row["list"], row["cost"]]
        for row in rows
        if row["quantity"] or row["list"] or row["cost"]
    }


def written(folder: Path) -> Sums:
    """What all files have together."""
    sums: Sums = defaultdict(lambda: [Decimal(0)] * 3)
    for path in folder.rglob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            key = (row["ChargePeriodStart"].date(), row["SkuId"])
            measures = [row["PricingQuantity"], row["ListCost"], row["EffectiveCost"]]
            sums[key] = [known + more for known, more in zip(sums[key], measures, strict=True)]
    return {key: measures for key, measures in sums.items() if any(measures)}


def put(bill: Bill, record: dict[str, Any]) -> None:
    key = bill.key(job_id=str(record["key"]))
    if record["key"] == 2:
        key = bill.key(workspace_id=None, product="DEFAULT_STORAGE")
    list_rate = Decimal(record["list_rate"])
    common: dict[str, Any] = {
        "sku": record["sku"],
        "list_rate": list_rate if record["is_priced"] else None,
        "rate": round(list_rate * (1 - Decimal(record["discount"])), 18) if record["is_priced"] else None,
    }
    day, quantity = record["day"], record["quantity"]
    bill.cost(quantity, day, key, **common)
    if record["restated"] is not None:
        after, days = record["restated"]
        ingested = day + timedelta(days=days)
        bill.cost(-quantity, day, key, ingested=ingested, record_type="RETRACTION", **common)
        if not record["is_retracted"]:
            bill.cost(after, day, key, ingested=ingested, record_type="RESTATEMENT", **common)


def share(bill: Bill, record: dict[str, Any], weights: list[int], *, with_rest: bool) -> None:
    """Some records are shared, as the pass rounds it: shares need not add up to 1."""
    key = bill.rows("select key_id from costpulse.cost_keys where job_id = %s", str(record["key"]))
    taken = bill.rows(
        "select 1 from costpulse.key_allocations where key_id = %s and usage_date = %s and sku_name = %s",
        *(key[0]["key_id"] if key else None, record["day"], record["sku"]),
    )
    if not key or taken:
        return
    total = sum(weights)
    teams: list[int | None] = [1, 2, None if with_rest else 3]
    parts = {team: round(Decimal(weight) / total, 18) for team, weight in zip(teams, weights, strict=False)}
    bill.allocate(key[0]["key_id"], record["day"], parts, sku=record["sku"])


@pytest.fixture(scope="module")
def shared_bill(postgres_server: str, migrated_template: str) -> Iterator[Bill]:
    with database(postgres_server, template=migrated_template) as url:
        yield Bill(Database(url))


@pytest.fixture(scope="module")
def closed_bill(postgres_server: str, migrated_template: str) -> Iterator[Bill]:
    """CostPulse closed October on 8 November and November on 9 December."""
    with database(postgres_server, template=migrated_template) as url:
        bill = Bill(Database(url))
        bill.close(OCTOBER, datetime(2026, 11, 8, 12, tzinfo=UTC))
        bill.close(NOVEMBER, datetime(2026, 12, 9, 12, tzinfo=UTC))
        yield bill


class TestAllFilesTogetherAreTheNetOfCostRecords:
    books = st.lists(records, min_size=1, max_size=6)

    @given(books=books, weights=shares, with_rest=st.booleans(), split=st.sampled_from(["none", "team"]))
    @settings(max_examples=12, deadline=None, derandomize=True)
    def test_where_costpulse_closed_the_months(
        self,
        closed_bill: Bill,
        tmp_path_factory: pytest.TempPathFactory,
        books: list[dict[str, Any]],
        weights: list[int],
        with_rest: bool,
        split: str,
    ) -> None:
        conserves(closed_bill, tmp_path_factory.mktemp("files"), books, weights, with_rest=with_rest, split=split)

    @given(books=books, weights=shares, with_rest=st.booleans(), split=st.sampled_from(["none", "team"]))
    @settings(max_examples=12, deadline=None, derandomize=True)
    def test_where_the_setting_says_when_months_were_closed(
        self,
        shared_bill: Bill,
        tmp_path_factory: pytest.TempPathFactory,
        books: list[dict[str, Any]],
        weights: list[int],
        with_rest: bool,
        split: str,
    ) -> None:
        folder = tmp_path_factory.mktemp("files")
        conserves(shared_bill, folder, books, weights, with_rest=with_rest, split=split, close_month_on_day=8)


def conserves(
    bill: Bill,
    folder: Path,
    books: list[dict[str, Any]],
    weights: list[int],
    *,
    with_rest: bool,
    split: str,
    **options: Any,
) -> None:
    bill.execute("truncate costpulse.cost_records, costpulse.cost_keys, costpulse.key_allocations")
    for record in books:
        put(bill, record)
        share(bill, record, weights, with_rest=with_rest)

    exported = bill.export(folder, OCTOBER, date(2026, 12, 31), split=split, today=date(2027, 2, 1), **options)

    with localcontext(EXACT):
        assert written(folder) == recorded(bill)
        unpriced = bill.rows(
            "select sku_name, sum(usage_quantity) as quantity from costpulse.cost_records where list_cost_usd is null "
            "group by sku_name"
        )
        left_out: dict[str, Decimal] = defaultdict(Decimal)
        for each in exported.unpriced:
            left_out[each.sku_name] += each.usage_quantity
        assert left_out == {row["sku_name"]: row["quantity"] for row in unpriced}
