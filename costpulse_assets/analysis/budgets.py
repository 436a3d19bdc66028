"""Where a budget stands and where it will end: periods, and what the possible futures of a forecast say about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from costpulse_assets.allocation.budgets import BudgetDocument, PeriodKind
from costpulse_assets.periods import Period

_MONTHS: dict[PeriodKind, int] = {"month": 1, "quarter": 3, "year": 12}
#: A period without a first day of its own is counted from here: it is one of the calendar.
_ANY_JANUARY = date(2000, 1, 1)
_DAY = timedelta(days=1)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outlook:
    """How a period will end, in USD.

    Attributes:
        projected: what it will cost in all.
        lower: lower end of that.
        upper: upper end of that.
        probability: how probable it is that it costs more than the amount.
        breach_date: first day with a probability of one half or more that the amount is exceeded by then.
    """

    projected: Decimal
    lower: Decimal
    upper: Decimal
    probability: float
    breach_date: date | None


def period_of(document: BudgetDocument, day: date) -> Period | None:
    """The period of a budget that holds a day; None where it has none."""
    if document.period == "custom":
        assert document.starts_on is not None
        assert document.ends_on is not None
        period = Period(document.starts_on, document.ends_on)
        return period if day in period else None
    months = _MONTHS[document.period]
    start = document.starts_on or _ANY_JANUARY
    since = (day.year - start.year) * 12 + day.month - start.month
    first = _months_after(start, since - since % months)
    if document.starts_on is not None and first < document.starts_on:
        return None
    if document.ends_on is not None and first > document.ends_on:
        return None
    return Period(first, _months_after(first, months) - _DAY)


def periods_of(document: BudgetDocument, window: Period) -> Iterator[Period]:
    """The periods of a budget that share a day with a window, oldest first; if all are later, the first of them."""
    if document.starts_on is not None and document.starts_on > window.last:
        period = period_of(document, document.starts_on)
        if period is not None:
            yield period
        return
    day = window.first if document.starts_on is None else max(window.first, document.starts_on)
    while day <= window.last:
        period = period_of(document, day)
        if period is None:
            return
        yield period
        day = period.last + _DAY


def outlook(
    amount: Decimal,
    period: Period,
    spent: Decimal,
    daily: Floats,
    *,
    predicted: Floats,
    paths: Floats,
    level: float,
) -> Outlook:
    """How a period will end, from what was spent and the possible futures of its other days.

    Args:
        amount: the budget.
        period: its days.
        spent: what its first days cost in all, exactly.
        daily: what each of these days cost.
        predicted: expected cost of each day after them, to the end of the period.
        paths: equally likely costs of those days, shape (draws, days).
        level: share of periods that the bounds shall hold.
    """
    if not len(predicted):
        exceeded = spent > amount
        return Outlook(spent, spent, spent, float(exceeded), _passed(amount, period, daily) if exceeded else None)
    left = float(amount - spent)
    running = np.cumsum(paths, axis=1)
    totals = running[:, -1]
    tail = (1 - level) / 2
    middle = float(predicted.sum())
    lower, upper = np.quantile(totals, [tail, 1 - tail])
    probability = float(np.mean(totals > left))
    breach = None
    if spent > amount:
        breach = _passed(amount, period, daily)
    elif probability >= 0.5:
        by_day = np.mean(running > left, axis=0)
        breach = period.first + _DAY * (len(daily) + int(np.argmax(by_day >= 0.5)))
    return Outlook(
        spent + cents(middle), spent + cents(min(lower, middle)), spent + cents(max(upper, middle)), probability, breach
    )


def cents(amount: float) -> Decimal:
    """An estimate in USD, with the two decimals that it is worth."""
    return round(Decimal(float(amount)), 2)


def _passed(amount: Decimal, period: Period, daily: Floats) -> date:
    """The day on which an amount that is exceeded was passed."""
    passed = np.cumsum(daily) > float(amount)
    return period.first + _DAY * (int(np.argmax(passed)) if passed.any() else len(daily) - 1)


def _months_after(day: date, months: int) -> date:
    """The first of a month some months after a first of a month."""
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)
