from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from costpulse_assets.costs.spend import (
    DIMENSIONS,
    NONE,
    Selection,
    Windows,
    rollup_for,
    spend_by_bin,
    spend_by_group,
    spend_without_price,
)
from costpulse_assets.periods import Period
from tests.app.books import Books
from tests.app.conftest import TODAY

PERIOD = Period(TODAY - timedelta(days=29), TODAY)
BEFORE = Period(TODAY - timedelta(days=54), TODAY - timedelta(days=30))
FINAL = TODAY - timedelta(days=2)


@pytest.fixture
def connection(books: Books, database_url: str):
    books.write(database_url)
    with psycopg.connect(database_url) as connected:
        yield connected


def expected(books: Books, first: date, last: date, **only: Any) -> Decimal:
    return Books(rows=[row for row in books.rows if first <= row["usage_date"] <= last]).total(**only)


@pytest.mark.parametrize("by", [None, *DIMENSIONS])
def test_the_groups_of_every_dimension_add_up_to_the_same_total(
    by: str | None, books: Books, connection: psycopg.Connection[Any]
) -> None:
    groups = spend_by_group(connection, Windows(PERIOD, FINAL, BEFORE), by=by, tag_key="env")
    assert sum(group.cost_usd or 0 for group in groups) == expected(books, PERIOD.first, PERIOD.last)
    assert sum(group.final_amount or 0 for group in groups) == expected(books, PERIOD.first, FINAL)
    assert sum(group.before_amount or 0 for group in groups) == expected(books, BEFORE.first, BEFORE.last)
    assert len({group.group_id for group in groups}) == len(groups)


@pytest.mark.parametrize("bin", ["day", "week", "month"])
def test_named_groups_and_the_rest_add_up_to_the_total(
    bin: Any, books: Books, connection: psycopg.Connection[Any]
) -> None:
    rows = spend_by_bin(connection, PERIOD, bin=bin, by="product", named=["JOBS"])
    assert sum(row.amount or 0 for row in rows) == expected(books, PERIOD.first, PERIOD.last)
    jobs = sum(row.amount for row in rows if row.group_id == "JOBS" and row.amount is not None)
    assert jobs == expected(books, PERIOD.first, PERIOD.last, product="JOBS")
    assert {row.bin.weekday() for row in rows} == {0} if bin == "week" else True
    assert {row.bin.day for row in rows} == {1} if bin == "month" else True


def test_a_group_in_which_nothing_has_a_price_is_unknown_and_not_zero(connection: psycopg.Connection[Any]) -> None:
    groups = {group.group_id: group for group in spend_by_group(connection, Windows(PERIOD, FINAL), by="product")}
    assert groups["AI"].cost_usd is None
    assert groups["AI"].final_amount is None


def test_skus_without_a_price_are_listed_with_their_quantity(connection: psycopg.Connection[Any]) -> None:
    (sku,) = spend_without_price(connection, PERIOD)
    assert (sku.sku_name, sku.usage_unit, sku.unpriced_quantity) == ("PRICELESS_SKU", "TOKEN", Decimal(150))
    assert (sku.first_day, sku.last_day) == (PERIOD.first, PERIOD.last)
    assert spend_without_price(connection, PERIOD, selection=Selection((("workspace", ("100",)),))) == []


@pytest.mark.parametrize(
    ("selection", "only"),
    [
        (Selection((("workspace", ("200",)),)), {"workspace_id": "200"}),
        (Selection((("workspace", (NONE,)),)), {"workspace_id": None}),
        (Selection((("team", ("2",)),)), {"team_id": 2}),
        (Selection((("team", (NONE,)),)), {"team_id": None}),
        (Selection((("sku", ("STORAGE",)),)), {"sku_name": "STORAGE"}),
        (Selection((("job", ("100/2",)),)), {"job_id": "2"}),
        (Selection((("user", ("ada@example.com",)),)), {"user_email": "ada@example.com"}),
        (Selection((("warehouse", ("100/abcdef123456",)),)), {"warehouse_id": "abcdef123456"}),
        (Selection((("workspace", ("100",)), ("job", ("100/1",)))), {"job_id": "1"}),
        (Selection(tags=(("env", "prod"),)), {"job_id": "1"}),
        (Selection(tags=(("env", ""),)), {"sku_name": "STORAGE"}),
        (Selection(tags=(("a=b", "+1"),)), {"sku_name": "SQL_PRO"}),
    ],
)
def test_a_filter_leaves_exactly_its_rows(
    selection: Selection, only: dict[str, Any], books: Books, connection: psycopg.Connection[Any]
) -> None:
    for by in (None, "product", "user"):
        groups = spend_by_group(connection, Windows(PERIOD, FINAL), by=by, selection=selection)
        assert sum(group.cost_usd or 0 for group in groups) == expected(books, PERIOD.first, PERIOD.last, **only)


def test_values_of_one_tag_key_are_alternatives_and_a_missing_key_is_one_of_them(
    books: Books, connection: psycopg.Connection[Any]
) -> None:
    either = Selection(tags=(("env", "prod"), ("env", None)))
    (group,) = spend_by_group(connection, Windows(PERIOD, FINAL), by=None, selection=either)
    whole = expected(books, PERIOD.first, PERIOD.last)
    assert group.cost_usd == whole - expected(books, PERIOD.first, PERIOD.last, sku_name="STORAGE")


def test_values_are_bound_and_never_become_sql(books: Books, connection: psycopg.Connection[Any]) -> None:
    hostile = "x'); drop table costpulse.daily_costs; --"
    selection = Selection((("sku", (hostile,)), ("job", (hostile,))), ((hostile, hostile), ("%(first)s", "{amount}")))
    windows = Windows(PERIOD, FINAL)
    assert spend_by_group(connection, windows, by="tag", tag_key=hostile, selection=selection) == []
    (everything,) = spend_by_group(connection, windows, by=None)
    assert everything.cost_usd == expected(books, PERIOD.first, PERIOD.last)


def test_without_a_comparison_nothing_is_before(connection: psycopg.Connection[Any]) -> None:
    (group,) = spend_by_group(connection, Windows(PERIOD, FINAL), by=None)
    assert group.before_amount is None


@pytest.mark.parametrize(
    ("needs", "table"),
    [
        ((), "daily_team_costs"),
        (("product", "team"), "daily_team_costs"),
        (("workspace",), "daily_workspace_costs"),
        (("sku", "product"), "daily_sku_costs"),
        (("workspace", "team"), "daily_costs"),
        (("sku", "workspace"), "daily_costs"),
        (("user",), "daily_key_costs"),
        (("product", "tag"), "daily_key_costs"),
    ],
)
def test_the_smallest_roll_up_that_has_all_dimensions_is_read(needs: tuple[str, ...], table: str) -> None:
    assert rollup_for(frozenset(needs)) == table
