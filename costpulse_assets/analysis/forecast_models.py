"""Forecasts of a daily series from many origins at once: what all models have in common, and the simple ones.

A model is a function (history, ends, horizon) -> predictions of shape (origins, horizon). Row i is what the model says
of the days after the first `ends[i]` days of the history, from those days only. The row with `ends[i] == len(history)`
is the forecast; the earlier rows are rolling origins, whose errors say how good the model is and how wide its band
must be. A model that cannot say anything at an origin leaves NaN there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

WEEK = 7
#: A straight line looks back this far; the slope of a whole year says little about next month.
_LINE_DAYS = 90
#: A slope from fewer days is noise: the line is level.
_SLOPE_DAYS = 14


@dataclass(frozen=True)
class History:
    """One daily series, oldest day first.

    Attributes:
        values: cost per day without gaps, shape (days,).
        known: False where the day is missing and its value a stand-in; such a day is no evidence of an error.
        first: the first day.
    """

    values: Floats
    known: NDArray[np.bool_]
    first: np.datetime64

    def __len__(self) -> int:
        return len(self.values)

    def days(self, horizon: int) -> NDArray[np.datetime64]:
        """The dates of the history and of `horizon` days after it."""
        return self.first + np.arange(len(self) + horizon)

    def actuals(self, ends: Integers, leads: int) -> Floats:
        """What happened on the days after each origin, shape (origins, leads); NaN where it is not known."""
        known = np.where(self.known, self.values, np.nan)
        actuals: Floats = np.concatenate([known, np.full(leads, np.nan)])[ends[:, None] + np.arange(leads)]
        return actuals

    def windows(self, ends: Integers, days: int) -> Floats:
        """The last `days` values before each origin, shape (origins, days).

        Where an origin has fewer, its own whole weeks are repeated backwards, so that the weekday of every position
        stays right; below one week, its days.
        """
        at = ends[:, None] - days + np.arange(days)
        repeated = at % np.maximum(WEEK, ends // WEEK * WEEK)[:, None] % ends[:, None]
        window: Floats = self.values[np.where(at < 0, repeated, at)]
        return window


Model = Callable[[History, Integers, int], Floats]


def origins(days: int, *, count: int, step: int, shortest: int) -> Integers:
    """Where the past is predicted from: up to `count` ends of history, `step` days apart, the last one a day ago.

    A short history gets as many as it has room for, closer together; one day has none. None has fewer than `shortest`
    days before it (in a short history: a third of it).
    """
    last, first = days - 1, max(1, min(shortest, days // 3))
    count = min(count, max(0, last - first + 1))
    step = max(1, min(step, (last - first) // max(1, count - 1)))
    return (last - step * np.arange(count))[::-1]


def repeat_weeks(week: Floats, horizon: int) -> Floats:
    """Seven values per origin, the first for the day after it, over the horizon: shape (origins, horizon)."""
    return week[:, np.arange(horizon) % WEEK]


def seasonal_naive(history: History, ends: Integers, horizon: int) -> Floats:
    """Every day like the same weekday of the last week."""
    return repeat_weeks(history.windows(ends, WEEK), horizon)


def linear(history: History, ends: Integers, horizon: int) -> Floats:
    """A straight line by least squares through the last 90 days; their mean below 14 days."""
    predicted = np.empty((len(ends), horizon))
    leads = np.arange(1, horizon + 1)
    for row, end in enumerate(ends):
        values = history.values[max(0, end - _LINE_DAYS) : end]
        days = np.arange(len(values)) - (len(values) - 1) / 2
        slope = days @ values / (days @ days) if len(values) >= _SLOPE_DAYS else 0.0
        predicted[row] = values.mean() + slope * (days[-1] + leads)
    return predicted
