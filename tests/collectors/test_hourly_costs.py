"""The bill by the hour: what it holds, that it adds up to cost_records, and how it follows them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.collectors import cost_records
from costpulse_assets.collectors.billing_days import (
    collect_billing_days,
    differences,
    due_days,
    reprice_billing_days,
)
from costpulse_assets.collectors.hourly_costs import HOURLY_COSTS
from costpulse_assets.identities import Identities
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.sql_files import load_sql
from tests.small_account import JOBS_SKU, MONDAY, PRICES, SmallAccount, collect_days

TUESDAY = MONDAY + timedelta(days=1)
BOTH = Period(MONDAY, TUESDAY)


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        account.add_price("0.15")
        yield account


def collect_hours(database: Database, account: SmallAccount, *days: date) -> int:
    return collect_billing_days(
        database,
        account,
        HOURLY_COSTS,
        list(days) or [MONDAY],
        prices=PRICES,
        identities=Identities(None),
        chunk_days=31,
    )


def hours(database: Database) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        return connection.execute(
            "select * from costpulse.hourly_costs order by usage_date, usage_hour, usage_quantity"
        ).fetchall()


def due(database: Database) -> tuple[list[date], list[date]]:
    found = due_days(database, HOURLY_COSTS, BOTH, today=TUESDAY, only_changed=True)
    return found.collect, found.reprice


def test_an_hour_is_the_utc_hour_in_which_the_usage_starts(database, account):
    account.add_usage("1", hour=0)
    account.add_usage("2", hour=23, tags={"team": "a"})
    account.add_usage("4", hour=23, cluster_id="c")
    collect_days(database, account)
    collect_hours(database, account)
    assert [(row["usage_hour"], row["usage_quantity"], row["record_count"]) for row in hours(database)] == [
        (0, 1, 1),
        (23, 6, 2),
    ]
    assert hours(database)[1]["cost_usd"] == Decimal("0.9")


def test_usage_billed_for_a_whole_day_stays_in_the_hour_in_which_it_starts(database, account):
    account.add_price("0.023", sku="STORAGE", unit="DSU")
    account.add_usage("24", sku="STORAGE", unit="DSU", product="DEFAULT_STORAGE", hour=0)
    account.change("update billing.usage set usage_end_time = usage_start_time + interval 24 hour")
    collect_days(database, account)
    collect_hours(database, account)
    (row,) = hours(database)
    assert (row["usage_hour"], row["usage_unit"], row["cost_usd"]) == (0, "DSU", Decimal("0.552"))


def test_warehouses_are_told_apart_and_all_else_is_together(database, account):
    account.add_usage("1", product="SQL", serverless=True, warehouse_id="w1")
    account.add_usage("2", product="SQL", serverless=True, warehouse_id="w2")
    account.add_usage("3", job_id="1")
    account.add_usage("4", job_id="2", workspace="1001")
    account.add_usage("5", workspace=None, product=None)
    collect_hours(database, account)
    parts = ("warehouse_id", "product", "workspace_id", "usage_quantity")
    assert [tuple(row[part] for part in parts) for row in hours(database)] == [
        ("w1", "SQL_SERVERLESS", "1001", 1),
        ("w2", "SQL_SERVERLESS", "1001", 2),
        (None, "UNKNOWN", None, 5),
        (None, "JOBS", "1001", 7),
    ]


def test_corrections_are_netted_in_their_hour(database, account):
    later = MONDAY + timedelta(days=6)
    account.add_usage("10", hour=5)
    account.add_usage("-10", hour=5, record_type="RETRACTION", ingested=later)
    account.add_usage("8", hour=5, record_type="RESTATEMENT", ingested=later)
    collect_hours(database, account)
    (row,) = hours(database)
    assert (row["usage_quantity"], row["cost_usd"], row["record_count"]) == (8, Decimal("1.2"), 3)


def test_a_price_that_changes_within_the_hour_makes_two_rows(database, account):
    noon = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
    account.add_price("0.30", start=noon)
    account.add_usage("1", hour=12)
    account.add_usage("2", hour=12)
    account.change(
        "update billing.usage set usage_start_time = timestamptz '2026-06-01 12:30:00+00' where usage_quantity = 2"
    )
    collect_hours(database, account)
    assert [row["cost_usd"] for row in hours(database)] == [Decimal("0.15"), Decimal("0.60")]


def test_a_sku_without_a_price_has_no_cost(database, account):
    account.add_usage("7", sku="PREMIUM_NEW_THING")
    collect_days(database, account)
    collect_hours(database, account)
    (row,) = hours(database)
    assert (row["usage_quantity"], row["list_cost_usd"], row["cost_usd"]) == (7, None, None)
    assert differences(database, HOURLY_COSTS, [MONDAY]) == []


def test_what_cost_records_refuse_is_left_out_here_too(database, account):
    account.add_price("2000000", sku="ABSURD")
    account.add_usage("1")
    account.add_usage(None)
    account.add_usage("2", unit=None)
    account.add_usage("3", sku=None)
    account.add_usage("900000000000000", cluster_id="c")
    account.add_usage("4", sku="ABSURD")
    assert collect_days(database, account).rejected == 5
    collect_hours(database, account)
    assert [row["usage_quantity"] for row in hours(database)] == [1]
    assert differences(database, HOURLY_COSTS, [MONDAY]) == []


def test_a_day_is_due_until_it_was_read_after_cost_records(database, account):
    account.add_usage("1")
    account.add_usage("1", day=TUESDAY)
    collect_days(database, account, MONDAY, TUESDAY)
    assert due(database) == ([MONDAY, TUESDAY], [])
    collect_hours(database, account, MONDAY, TUESDAY)
    assert due(database) == ([], [])
    account.add_usage("2", day=TUESDAY, hour=4)
    collect_days(database, account, TUESDAY)
    assert due(database) == ([TUESDAY], [])
    # a difference that the next reading ends is none
    assert differences(database, HOURLY_COSTS, [MONDAY, TUESDAY]) == []
    collect_hours(database, account, TUESDAY)
    assert due(database) == ([], [])
    assert [row["usage_quantity"] for row in hours(database)] == [1, 1, 2]


def test_a_changed_adjustment_reprices_the_hours_without_asking_the_source(database, account):
    account.add_usage("1")
    account.add_usage("1", day=TUESDAY)
    collect_days(database, account, MONDAY, TUESDAY)
    collect_hours(database, account, MONDAY, TUESDAY)
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) values ('*', -20, %s)",
            [TUESDAY],
        )
    cost_records.reprice(database, [TUESDAY], chunk_days=31)
    asked = len(account.statements)
    assert due(database) == ([], [TUESDAY])
    reprice_billing_days(database, HOURLY_COSTS, [TUESDAY], chunk_days=31)
    assert len(account.statements) == asked
    assert [(row["list_cost_usd"], row["cost_usd"]) for row in hours(database)] == [
        (Decimal("0.15"), Decimal("0.15")),
        (Decimal("0.15"), Decimal("0.12")),
    ]
    assert [row["price_adjustment_id"] is None for row in hours(database)] == [True, False]
    assert differences(database, HOURLY_COSTS, [MONDAY, TUESDAY]) == []
    assert due(database) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        "update costpulse.hourly_costs set usage_quantity = usage_quantity + 1e-18",
        "update costpulse.hourly_costs set effective_rate = effective_rate + 1e-17",
        "update costpulse.hourly_costs set dbu_rate = null",
        "update costpulse.hourly_costs set record_count = 2",
        "update costpulse.hourly_costs set sku_name = 'OTHER'",
        "delete from costpulse.hourly_costs",
        "delete from costpulse.cost_records",
    ],
)
def test_a_day_that_does_not_add_up_is_found(database, account, change):
    account.add_usage("10")
    collect_days(database, account)
    collect_hours(database, account)
    assert differences(database, HOURLY_COSTS, [MONDAY]) == []
    with database.transaction() as connection:
        connection.execute(change.encode())
    assert differences(database, HOURLY_COSTS, [MONDAY]) != []


QUANTITIES = st.decimals(min_value=-1000, max_value=1000, places=18, allow_nan=False).map(str)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "quantity": QUANTITIES,
                "day": st.sampled_from([MONDAY, TUESDAY]),
                "hour": st.integers(0, 23),
                "sku": st.sampled_from([JOBS_SKU, "ODD_RATE", "PREMIUM_UNPRICED"]),
                "workspace": st.sampled_from(["1001", None]),
                "record_type": st.sampled_from(["ORIGINAL", "RETRACTION", "RESTATEMENT"]),
                "ingested": st.sampled_from([TUESDAY, TUESDAY + timedelta(days=3)]),
                "product": st.sampled_from(["JOBS", None]),
                "serverless": st.sampled_from([True, False, None]),
                "run_as": st.sampled_from(["ada@example.com", "bob@example.com", None]),
                "tags": st.sampled_from([None, {"team": "a"}]),
            }
        ),
        max_size=25,
    )
)
def test_the_hours_of_a_day_hold_its_quantity_to_the_last_digit_and_its_money_but_for_rounding(database, account, rows):
    account.change("delete from billing.usage")
    account.change("delete from billing.list_prices where sku_name = 'ODD_RATE'")
    account.add_price("0.123456789012345678", sku="ODD_RATE")
    for row in rows:
        account.add_usage(**row)
    collect_days(database, account, MONDAY, TUESDAY)
    collect_hours(database, account, MONDAY, TUESDAY)
    assert differences(database, HOURLY_COSTS, [MONDAY, TUESDAY]) == []
    for day in (MONDAY, TUESDAY):
        for hour in range(24):
            expected = sum(Decimal(r["quantity"]) for r in rows if (r["day"], r["hour"]) == (day, hour))
            found = [r["usage_quantity"] for r in hours(database) if (r["usage_date"], r["usage_hour"]) == (day, hour)]
            assert sum(found) == expected


def test_the_price_is_looked_up_as_in_cost_records():
    """Word by word, so that one usage row cannot have two prices."""
    beginning, end = "-- one row per price window;", "-- one row per usage row"
    lookups = [
        load_sql(name).partition(beginning)[2].partition(end)[0]
        for name in ("collect/cost_records", "collect/hourly_costs")
    ]
    assert "price_end_time" in lookups[0]
    assert lookups[0] == lookups[1]
