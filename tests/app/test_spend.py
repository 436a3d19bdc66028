from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.costs.spend import (
    DIMENSIONS,
    NONE,
    GroupSpend,
    Measure,
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


DAYS = st.integers(-70, 3).map(lambda back: TODAY + timedelta(days=back))
WINDOWS = st.tuples(DAYS, DAYS).map(lambda days: Period(min(days), max(days)))


@pytest.mark.parametrize("by", ["job", "cluster", "user", "tag"])
def test_whole_weeks_in_one_row_never_show_in_a_sum(by: str, books: Books, connection: psycopg.Connection[Any]) -> None:
    @settings(max_examples=40, deadline=None)
    @given(period=WINDOWS, before=st.none() | WINDOWS, final=st.none() | DAYS)
    def holds(period: Period, before: Period | None, final: date | None) -> None:
        until = min(final or date.min, period.last)
        groups = spend_by_group(connection, Windows(period, final and until, before), by=by, tag_key="env")
        assert sum(group.cost_usd or 0 for group in groups) == expected(books, period.first, period.last)
        assert sum(group.final_amount or 0 for group in groups) == expected(books, period.first, until)
        earlier = expected(books, before.first, before.last) if before else 0
        assert sum(group.before_amount or 0 for group in groups) == earlier

    holds()


def test_weeks_and_months_hold_exactly_their_days(books: Books, connection: psycopg.Connection[Any]) -> None:
    first_days: dict[Any, Callable[[date], date]] = {
        "week": lambda day: day - timedelta(days=day.weekday()),
        "month": lambda day: day.replace(day=1),
    }

    @settings(max_examples=40, deadline=None)
    @given(period=WINDOWS, bin=st.sampled_from(list(first_days)))
    def holds(period: Period, bin: Any) -> None:
        held: dict[date, Decimal] = {}
        for row in spend_by_bin(connection, period, bin=bin, by="user", named=["ada@example.com"]):
            held[row.bin] = held.get(row.bin, Decimal(0)) + (row.amount or 0)
        for first, amount in held.items():
            inside = [day for day in period if first_days[bin](day) == first]
            assert amount == expected(books, inside[0], inside[-1])

    holds()


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


def sums(groups: list[GroupSpend]) -> list[Decimal | None]:
    """Every amount of the groups together; None where none of them has one."""
    columns = zip(
        *((g.cost_usd, g.list_cost_usd, g.dbu_count, g.final_amount, g.before_amount) for g in groups), strict=True
    )
    return [sum(known, Decimal(0)) if (known := [v for v in column if v is not None]) else None for column in columns]


def in_order(groups: list[GroupSpend], measure: Measure) -> list[GroupSpend]:
    """Largest first, then by id, those without one last."""
    return sorted(groups, key=lambda g: (-(g.amount(measure) or 0), g.group_id is None, g.group_id or ""))


@pytest.mark.parametrize("measure", ["cost", "list", "dbu"])
@pytest.mark.parametrize("by", DIMENSIONS)
def test_the_largest_groups_and_the_rest_add_up_to_all_groups_in_every_amount(
    by: str, measure: Measure, connection: psycopg.Connection[Any]
) -> None:
    windows = Windows(PERIOD, FINAL, BEFORE)
    every = spend_by_group(connection, windows, by=by, tag_key="env", measure=measure)
    largest = spend_by_group(connection, windows, by=by, tag_key="env", measure=measure, limit=1)
    assert sums(largest) == sums(every)
    assert largest[0] == in_order(every, measure)[0]
    assert [group.further for group in largest] == [0, len(every) - 1][: len(every)]


@pytest.fixture
def clusters(database_url: str):
    """Clusters of both periods, of one of them, without a price, with the same cost, and what no cluster did."""
    books = Books(teams=["Risk"])
    for number in range(12):
        days = [BEFORE.first] if number < 5 else [PERIOD.first, PERIOD.last]
        for day in [BEFORE.last, *days] if number % 4 == 0 else days:
            books.add(
                day,
                None if number % 5 == 3 else f"{number // 3}.000000000000000001",
                cluster_id=f"c{number}",
                unit="GB" if number == 11 else "DBU",
                list_cost=f"{20 - number}",
                quantity=f"{number % 3}.5",
                sku="JOBS" if number % 2 else "ALL_PURPOSE",
                tags={"env": "prod"} if number < 9 else None,
            )
    books.add(PERIOD.first, "0.7")
    books.add(BEFORE.first, "0.4", workspace=None)
    books.write(database_url)
    with psycopg.connect(database_url) as connected:
        yield books, connected


def grouped(books: Books, measure: Measure, **only: Any) -> list[GroupSpend]:
    """The clusters of the books, added up by hand."""
    rows = [row for row in books.rows if all(row.get(name) == value for name, value in only.items())]
    column = {"cost": "cost_usd", "list": "list_cost_usd", "dbu": "dbu_count"}[measure]

    def cluster(row: dict[str, Any]) -> str | None:
        return f"{row['workspace_id']}/{row['cluster_id']}" if "cluster_id" in row else None

    def total(group: str | None, column: str, first: date, last: date) -> Decimal | None:
        amounts = [row[column] for row in rows if cluster(row) == group and first <= row["usage_date"] <= last]
        known = [amount for amount in amounts if amount is not None]
        return sum(known, Decimal(0)) if known else None

    return [
        GroupSpend(
            group,
            None,
            *(total(group, name, PERIOD.first, PERIOD.last) for name in ("cost_usd", "list_cost_usd", "dbu_count")),
            total(group, column, PERIOD.first, FINAL),
            total(group, column, BEFORE.first, BEFORE.last),
            any(cluster(row) == group and row["usage_date"] in PERIOD for row in rows),
        )
        for group in {cluster(row) for row in rows}
    ]


@pytest.mark.parametrize("measure", ["cost", "list", "dbu"])
@pytest.mark.parametrize("limit", [1, 4, 9, 13])
@pytest.mark.parametrize(
    ("selection", "only"),
    [
        (Selection(), {}),
        (Selection((("sku", ("JOBS",)),)), {"sku_name": "JOBS"}),
        (Selection(tags=(("env", "prod"),)), {"tags": '{"env": "prod"}'}),
    ],
)
def test_the_largest_clusters_come_in_order_and_the_rest_counts_all_others(
    selection: Selection, only: dict[str, Any], limit: int, measure: Measure, clusters: Any
) -> None:
    books, connection = clusters
    windows = Windows(PERIOD, FINAL, BEFORE)
    every = in_order(grouped(books, measure, **only), measure)
    found = spend_by_group(connection, windows, by="cluster", selection=selection, measure=measure)
    assert in_order(found, measure) == every
    named = spend_by_group(connection, windows, by="cluster", selection=selection, measure=measure, limit=limit)
    rest = named.pop() if len(every) > limit else None
    assert in_order(named, measure) == named == every[:limit]
    if rest is not None:
        others = every[limit:]
        amounts = (rest.cost_usd, rest.list_cost_usd, rest.dbu_count, rest.final_amount, rest.before_amount)
        assert list(amounts) == sums(others)
        assert (rest.group_id, rest.further) == (None, len(others))
        assert rest.in_period == any(group.in_period for group in others)


def test_without_a_comparison_or_a_final_day_clusters_have_neither(clusters: Any) -> None:
    _, connection = clusters
    for group in spend_by_group(connection, Windows(PERIOD, None), by="cluster", limit=3):
        assert (group.final_amount, group.before_amount, group.in_period) == (None, None, True)


def test_a_limit_beyond_the_number_of_groups_changes_nothing(connection: psycopg.Connection[Any]) -> None:
    windows = Windows(PERIOD, FINAL, BEFORE)
    for by in (None, *DIMENSIONS):
        every = spend_by_group(connection, windows, by=by, tag_key="env")
        for limit in (len(every), 500):
            assert spend_by_group(connection, windows, by=by, tag_key="env", limit=limit) == in_order(every, "cost")


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
