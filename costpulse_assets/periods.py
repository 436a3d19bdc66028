"""Periods of UTC days: what a run collects, and what a figure covers and is compared with.

Pure arithmetic on dates; pages, commands and assets use the same functions. Both ends are inclusive.
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a period cannot end ({self.last}) before it begins ({self.first})")

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __iter__(self) -> Iterator[date]:
        return (self.first + _DAY * n for n in range(len(self)))

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


def newest_first(days: Iterable[date], *, at_most: int) -> list[Period]:
    """Contiguous periods that cover exactly these days, each of at most so many days, newest first."""
    periods: list[Period] = []
    for day in sorted(set(days), reverse=True):
        newest = periods[-1] if periods else None
        if newest is not None and newest.first - _DAY == day and len(newest) < at_most:
            periods[-1] = Period(day, newest.last)
        else:
            periods.append(Period(day, day))
    return periods


def last_final_day(days: Iterable[tuple[date, bool]]) -> date | None:
    """The newest day that is final, with no older day missing or provisional.

    Days before the month preceding the newest day are not looked at: no figure that is judged (month to date, its
    comparison, the same weekdays) reaches further back, so an old hole must not freeze it.

    Args:
        days: (usage_date, is_provisional) of every day that was collected, in any order.

    Returns:
        The day, or None while no day is final.
    """
    provisional = dict(days)
    if not provisional:
        return None
    day = max(min(provisional), first_of_previous_month(max(provisional)))
    final = None
    while provisional.get(day) is False:
        final = day
        day += _DAY
    return final


def first_of_previous_month(day: date) -> date:
    """The first day of the month before the day's month."""
    return (day.replace(day=1) - _DAY).replace(day=1)


def month_to_date(day: date) -> Period:
    """From the first of the day's month to the day."""
    return Period(day.replace(day=1), day)


def whole_month(day: date) -> Period:
    """The whole month of the day."""
    return Period(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


def previous_comparable(period: Period) -> Period:
    """The same days of the month before, cut at its length: 1-30 March is compared with 1-28 February."""
    return Period(_a_month_earlier(period.first), _a_month_earlier(period.last))


def preceding(period: Period) -> Period:
    """The period of equal length that ends the day before this one begins."""
    return Period(period.first - _DAY * len(period), period.first - _DAY)


def same_weekdays(day: date) -> tuple[date, ...]:
    """The same weekday of the four weeks before: what a single day is compared with."""
    return tuple(day - timedelta(weeks=week) for week in range(1, 5))


def run_rate(amount: Decimal, day: date) -> Decimal:
    """Month to date, carried on evenly to the end of the month: a rate, not a forecast.

    Args:
        amount: what the month cost from its first day to `day`.
        day: the last day in the amount.
    """
    return amount / day.day * monthrange(day.year, day.month)[1]


def _a_month_earlier(day: date) -> date:
    first = first_of_previous_month(day)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1]))
