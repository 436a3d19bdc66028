"""Forecasts of a daily series from many origins at once: what every forecasting model here has in common.

A model is a function (values, ends, horizon) -> predictions of shape (origins, horizon). `values` is one series
without missing days, oldest first; row i of the answer is what the model says of the days after the first `ends[i]`
values, from those values only. One row with `ends[i] == len(values)` is the forecast; the earlier rows are rolling
origins, whose errors say how good the model is and how wide its interval must be.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ends = NDArray[np.int64]
Model = Callable[[Floats, Ends, int], Floats]

WEEK = 7
#: Days of a straight line at most: the whole history of a growing series says little about next month.
_LINE_DAYS = 90


def windows(values: Floats, ends: Ends, days: int) -> Floats:
    """The last `days` values before each origin, shape (origins, days).

    Where an origin has fewer, its first week (or what there is of it) is repeated backwards, so that the weekday of
    every position stays right.
    """
    shortage = max(0, days - int(ends.min()))
    weeks = -(-shortage // WEEK)
    if weeks:
        first = values[: min(WEEK, int(ends.min()))]
        values = np.concatenate([np.tile(np.resize(first, WEEK), weeks), values])
    return np.lib.stride_tricks.sliding_window_view(values, days)[ends + weeks * WEEK - days]


def repeat_weeks(week: Floats, horizon: int) -> Floats:
    """Seven values per origin (shape (origins, 7), the first is for the day after the origin), over the horizon."""
    return week[:, np.arange(horizon) % WEEK]


def seasonal_naive(values: Floats, ends: Ends, horizon: int) -> Floats:
    """Every day like the same weekday of the last week."""
    return repeat_weeks(windows(values, ends, WEEK), horizon)


def linear(values: Floats, ends: Ends, horizon: int) -> Floats:
    """A straight line by least squares through the last 90 days; one day is its own forecast."""
    predicted = np.empty((len(ends), horizon))
    leads = np.arange(1, horizon + 1)
    for row, end in enumerate(ends):
        history = values[max(0, end - _LINE_DAYS) : end]
        days = np.arange(len(history)) - (len(history) - 1) / 2
        spread = days @ days
        slope = days @ history / spread if spread else 0.0
        predicted[row] = history.mean() + slope * ((len(history) - 1) / 2 + leads)
    return predicted
