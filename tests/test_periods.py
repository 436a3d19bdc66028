from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costpulse_assets.periods import (
    Period,
    first_of_previous_month,
    last_final_day,
    month_to_date,
    preceding,
    previous_comparable,
    run_rate,
    same_weekdays,
    whole_month,
)

DAYS = st.dates(date(2023, 3, 1), date(2030, 1, 1))


def days(first: date, last: date, *, provisional: tuple[date, ...] = (), missing: tuple[date, ...] = ()):
    return [(day, day in provisional) for day in Period(first, last) if day not in missing]


def test_the_last_final_day_is_the_newest_one_that_is_not_provisional() -> None:
    newest = date(2026, 11, 24)
    collected = days(date(2026, 10, 1), newest, provisional=(newest, newest - timedelta(days=1)))
    assert last_final_day(collected) == date(2026, 11, 22)
    assert last_final_day(reversed(collected)) == date(2026, 11, 22)


def test_a_missing_day_holds_the_last_final_day_back() -> None:
    collected = days(date(2026, 10, 1), date(2026, 11, 24), missing=(date(2026, 11, 18),))
    assert last_final_day(collected) == date(2026, 11, 17)


def test_a_provisional_day_in_the_middle_holds_the_last_final_day_back() -> None:
    collected = days(date(2026, 10, 1), date(2026, 11, 24), provisional=(date(2026, 11, 18),))
    assert last_final_day(collected) == date(2026, 11, 17)


def test_a_hole_older_than_the_month_before_does_not_matter() -> None:
    collected = days(date(2026, 6, 1), date(2026, 11, 24), missing=(date(2026, 9, 30),))
    assert last_final_day(collected) == date(2026, 11, 24)


def test_without_days_or_with_one_provisional_day_no_day_is_final() -> None:
    assert last_final_day([]) is None
    assert last_final_day([(date(2026, 11, 24), True)]) is None


def test_one_final_day_is_the_last_final_day() -> None:
    assert last_final_day([(date(2026, 11, 24), False)]) == date(2026, 11, 24)


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (date(2026, 11, 22), date(2026, 10, 1), date(2026, 10, 22)),
        (date(2026, 3, 30), date(2026, 2, 1), date(2026, 2, 28)),
        (date(2028, 3, 30), date(2028, 2, 1), date(2028, 2, 29)),
        (date(2026, 1, 5), date(2025, 12, 1), date(2025, 12, 5)),
    ],
)
def test_month_to_date_is_compared_with_the_same_days_of_the_month_before(day: date, first: date, last: date) -> None:
    assert previous_comparable(month_to_date(day)) == Period(first, last)


@given(DAYS, st.integers(1, 400))
def test_the_preceding_period_is_as_long_and_ends_the_day_before(first: date, length: int) -> None:
    period = Period(first, first + timedelta(days=length - 1))
    before = preceding(period)
    assert len(before) == len(period) == length
    assert before.last + timedelta(days=1) == period.first


@given(DAYS)
def test_the_same_weekdays_are_four_and_lie_after_the_first_of_the_month_before(day: date) -> None:
    found = same_weekdays(day)
    assert len(found) == 4
    assert {one.weekday() for one in found} == {day.weekday()}
    # What `last_final_day` looks at covers them.
    assert min(found) >= first_of_previous_month(day)


@given(DAYS)
def test_the_whole_month_begins_on_its_first_and_ends_before_the_next_one(day: date) -> None:
    month = whole_month(day)
    assert day in month
    assert month.first.day == 1
    assert (month.last + timedelta(days=1)).day == 1


def test_the_run_rate_carries_the_days_so_far_evenly_to_the_end_of_the_month() -> None:
    assert run_rate(Decimal("220"), date(2026, 11, 22)) == Decimal("300")
    assert run_rate(Decimal("300"), date(2026, 11, 30)) == Decimal("300")


def test_a_period_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        Period(date(2026, 11, 2), date(2026, 11, 1))
