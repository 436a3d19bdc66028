"""How much of a day is in: by the arrival of whole days, and finer where the bill is known by the hour."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.collectors.billing_days import collect_billing_days
from costpulse_assets.collectors.hourly_costs import HOURLY_COSTS
from costpulse_assets.costs.assets import DAILY_COSTS, compute_completeness
from costpulse_assets.derived_days import build
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.small_account import MONDAY, PRICES, SmallAccount, collect_days

DAY = timedelta(days=1)
#: A Monday with four weeks before it.
TODAY = MONDAY + 28 * DAY
SATURDAY = TODAY - 2 * DAY
AROUND_THE_CLOCK = dict.fromkeys(range(24), "1")
AT_NIGHT = {2: "80", 10: "10", 20: "10"}


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    """A unit costs a dollar."""
    with SmallAccount() as account:
        account.add_price("1")
        yield account


def add_hours(account: SmallAccount, day: date, hours: Mapping[int, str], **more: Any) -> None:
    for hour, quantity in hours.items():
        account.add_usage(quantity, day=day, hour=hour, **more)


def add_settled(account: SmallAccount, hours: Mapping[int, str], *, today: date = TODAY, days: int = 8) -> None:
    for back in range(8, 8 + days):
        add_hours(account, today - back * DAY, hours)


def collected(database: Database, account: SmallAccount, days: list[date], *, by_the_hour: bool = True) -> None:
    collect_days(database, account, *days)
    for table in (KEY_ALLOCATIONS, DAILY_COSTS):
        build(database, table, days)
    if by_the_hour:
        collect_billing_days(
            database, account, HOURLY_COSTS, days, prices=PRICES, identities=Identities(None), chunk_days=31
        )


def computed(database: Database, hour: int, *, today: date = TODAY) -> dict[date, dict[str, Any]]:
    with database.writing() as connection:
        now = datetime.combine(today, time(hour), UTC)
        compute_completeness(connection, now, provisional_days=2, complete_share=0.99)
        rows = connection.execute("select * from costpulse.completeness").fetchall()
    return {row["usage_date"]: row for row in rows}


def looked_at(
    database: Database, account: SmallAccount, hour: int, *, today: date = TODAY, by_the_hour: bool = True
) -> dict[date, dict[str, Any]]:
    """Completeness by day, after everything up to today was collected and looked at in this hour of today."""
    collected(database, account, [today - back * DAY for back in range(41)], by_the_hour=by_the_hour)
    return computed(database, hour, today=today)


def at(hour: int, *, day: date = TODAY) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(hours=hour)


# By the hour


def test_in_the_afternoon_a_day_whose_cost_is_at_night_is_expected_to_end_as_such_days_do(database, account):
    add_settled(account, AT_NIGHT)
    add_hours(account, TODAY, {2: "80", 10: "10"})
    today = looked_at(database, account, 14)[TODAY]
    assert today["share_in"] == Decimal("0.9")
    assert today["expected_cost"] == today["lower_bound"] == today["upper_bound"] == Decimal(100)
    assert (today["in_until"], today["basis"], today["is_provisional"]) == (at(11), "hourly_costs", True)


def test_a_source_that_is_five_hours_behind_is_seen_to_be(database, account):
    add_settled(account, AROUND_THE_CLOCK)
    add_hours(account, TODAY, dict.fromkeys(range(9), "2"))
    today = looked_at(database, account, 14)[TODAY]
    assert today["in_until"] == at(9)
    assert today["share_in"] == Decimal("0.375")
    assert today["expected_cost"] == Decimal(48)


def test_a_little_that_comes_early_does_not_make_its_hour_one_that_is_in(database, account):
    add_settled(account, AROUND_THE_CLOCK)
    add_hours(account, TODAY, {**dict.fromkeys(range(9), "1"), 12: "0.3"})
    today = looked_at(database, account, 14)[TODAY]
    assert today["in_until"] == at(9)
    assert today["expected_cost"] == Decimal(24)
    assert today["cost_usd"] == Decimal("9.3")


def test_a_weekend_is_compared_with_weekends_where_there_are_enough(database, account):
    for back in range(8, 40):
        day = SATURDAY - back * DAY
        add_hours(account, day, {2: "10", 20: "10"} if day.weekday() >= 5 else {2: "90", 20: "10"})
    for today, share in ((SATURDAY, "0.5"), (SATURDAY - DAY, "0.9")):
        add_hours(account, today, {2: "10"})
        assert looked_at(database, account, 14, today=today)[today]["share_in"] == Decimal(share)


def test_the_days_like_it_are_all_days_where_there_are_few_of_its_part_of_the_week(database, account):
    add_settled(account, {2: "10", 20: "30"}, today=SATURDAY, days=9)
    add_hours(account, SATURDAY, {2: "10"})
    assert looked_at(database, account, 14, today=SATURDAY)[SATURDAY]["share_in"] == Decimal("0.25")


def test_the_band_is_as_wide_as_days_like_it_differ(database, account):
    days = [TODAY - back * DAY for back in range(8, 30)]
    for number, day in enumerate([day for day in days if day.weekday() < 5][:11]):
        add_hours(account, day, {2: str(38 + number), 20: str(62 - number)})
    add_hours(account, TODAY, {2: "43"})
    today = looked_at(database, account, 14)[TODAY]
    assert today["share_in"] == Decimal("0.43")
    # The second lowest and the second highest of eleven.
    assert today["upper_bound"] == round(Decimal(43) / Decimal("0.39"), 18)
    assert today["lower_bound"] == round(Decimal(43) / Decimal("0.47"), 18)


def test_what_is_billed_once_a_day_is_no_part_of_the_hours_until_it_is_there(database, account):
    for back in range(8, 16):
        day = TODAY - back * DAY
        add_hours(account, day, {2: "60", 20: "20"})
        account.add_usage("20", day=day, hour=0, product="STORAGE", ingested=day + DAY)
    add_hours(account, TODAY, {2: "60"})
    today = looked_at(database, account, 14)[TODAY]
    assert today["expected_cost"] == Decimal(100)


def test_what_usually_comes_late_is_still_to_come(database, account):
    """A fifth of each hour comes a day late, the rest two hours after it."""
    for back in (*range(8, 16), 1, 0):
        day = TODAY - back * DAY
        for hour in range(24) if back else range(12):
            account.add_usage("8", day=day, hour=hour, ingested=day if hour < 22 else day + DAY)
            if back != 0 and (back != 1 or hour < 12):
                account.add_usage("2", day=day, hour=hour, ingested=day + DAY)
    days = looked_at(database, account, 14)
    today, yesterday = days[TODAY], days[TODAY - DAY]
    assert today["share_in"] == Decimal("0.4")
    assert today["expected_cost"] == Decimal(240)
    # What comes a day late comes in the course of that day: at 14:00, 14 of 24 hours of it.
    assert yesterday["share_in"] == round(Decimal("0.8") + Decimal("0.2") * 14 / 24, 6)
    assert yesterday["in_until"] == at(0)


def test_our_own_log_says_how_much_is_late_once_it_covers_two_weeks(database, account):
    add_settled(account, AROUND_THE_CLOCK, days=16)
    add_hours(account, TODAY, dict.fromkeys(range(16), "0.9"))
    collected(database, account, [TODAY - back * DAY for back in range(25)])
    with database.transaction() as connection:
        connection.execute("delete from costpulse.collection_log")
        for back in range(8, 24):
            # At 14:00 the hours until noon were in, a tenth of them missing.
            day = TODAY - back * DAY
            connection.execute(
                "insert into costpulse.collection_log (source, usage_date, loaded_at, source_rows, source_quantity,"
                " cost_usd, rejected_count, in_flight) values ('cost_records', %s, %s, 1, 1, 10.8, 0, false)",
                [day, at(14, day=day)],
            )
    today = computed(database, 18)[TODAY]
    assert today["share_in"] == Decimal("0.6")
    assert today["expected_cost"] == Decimal(24)


# Where the hours say nothing


def test_without_hours_a_day_is_judged_by_the_arrival_of_whole_days(database, account):
    add_settled(account, AT_NIGHT)
    add_hours(account, TODAY, {2: "80", 10: "10"})
    today = looked_at(database, account, 12, by_the_hour=False)[TODAY]
    assert (today["basis"], today["in_until"]) == ("ingestion_date", None)
    assert today["share_in"] == Decimal("0.5")
    assert today["expected_cost"] == Decimal(180)


def test_hours_older_than_the_last_collection_of_the_day_are_not_used(database, account):
    add_settled(account, AT_NIGHT)
    add_hours(account, TODAY, {2: "80"})
    assert looked_at(database, account, 12)[TODAY]["basis"] == "hourly_costs"
    add_hours(account, TODAY, {10: "10"})
    collected(database, account, [TODAY], by_the_hour=False)
    today = computed(database, 12)[TODAY]
    assert (today["basis"], today["in_until"], today["expected_cost"]) == ("ingestion_date", None, Decimal(180))


@pytest.mark.parametrize(("days", "basis"), [(6, "ingestion_date"), (7, "hourly_costs")])
def test_a_week_of_settled_days_is_the_least_to_compare_with(database, account, days, basis):
    add_settled(account, AT_NIGHT, days=days)
    add_hours(account, TODAY, {2: "80"})
    assert looked_at(database, account, 12)[TODAY]["basis"] == basis


def test_a_final_day_stays_final_and_its_cost_what_it_is_whatever_its_hours_look_like(database, account):
    add_settled(account, AT_NIGHT)
    add_hours(account, TODAY - 3 * DAY, {0: "5"})
    add_hours(account, TODAY, {2: "80"})
    days = looked_at(database, account, 12)
    final = days[TODAY - 3 * DAY]
    assert not final["is_provisional"]
    assert (final["in_until"], final["basis"]) == (None, "ingestion_date")
    assert (final["share_in"], final["expected_cost"]) == (Decimal(1), Decimal(5))
    assert [days[TODAY - back * DAY]["is_provisional"] for back in range(3)] == [True, True, False]


def test_a_day_of_which_nothing_is_in_yet_has_no_hour(database, account):
    add_settled(account, AT_NIGHT)
    today = looked_at(database, account, 6)[TODAY]
    assert (today["cost_usd"], today["in_until"], today["is_provisional"]) == (Decimal(0), None, True)


HOURS = st.dictionaries(
    st.sampled_from([0, 2, 9, 10, 20]), st.decimals(min_value=-90, max_value=90, places=18).map(str), max_size=5
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(today=HOURS, yesterday=HOURS, settled=HOURS, hour=st.integers(0, 23))
def test_whatever_was_restated_the_bounds_are_in_order_and_the_share_is_one(
    database, account, today, yesterday, settled, hour
):
    account.change("delete from billing.usage")
    add_settled(account, AT_NIGHT)
    for back, hours in ((0, today), (1, yesterday), (9, settled)):
        for record_type in ("ORIGINAL", "RESTATEMENT"):
            add_hours(account, TODAY - back * DAY, hours, record_type=record_type)
    for row in looked_at(database, account, hour).values():
        assert 0 <= row["share_in"] <= 1
        if row["expected_cost"] is None:
            continue
        assert row["lower_bound"] is None or row["lower_bound"] <= row["expected_cost"]
        assert row["upper_bound"] is None or row["expected_cost"] <= row["upper_bound"]
