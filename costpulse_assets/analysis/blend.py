"""The default forecast: eight cheap forecasts, weighted by how well each did on this series.

They are levels of different memory (exponential smoothing, medians of 14, 28 and 91 days, the last value, a damped
drift) times the weekday's and, where it explains something, the month turn's share of an ordinary day; and plain
medians per weekday. Every step works on all origins at once: a year of rolling origins takes milliseconds.
"""

import numpy as np
from numpy.typing import NDArray

from costpulse_assets.analysis.forecast_models import WEEK, Floats, History, Integers, repeat_weeks

_WINDOW = 16 * WEEK
_WEEKDAY_WEEKS = 10
#: The weekdays' shares stay out when they explain less than this of the deviations.
_WEEKDAY_GAIN = 0.10
#: Share of a closed weekday: its days say nothing about the level.
_CLOSED = 0.15

#: How much each forecast is trusted before it is tried, in the order of `_members`.
_PRIOR = np.array([2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5])
#: Weights fall with this power of the error: equals are averaged, a clear loser is out.
_SELECTIVITY = 6

_SMOOTHING = np.array([0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
#: A day counts in the level with this many usual day-to-day changes at most.
_CLIP = 3.0
_MOST_DRIFT_PER_DAY = 0.004
_DAMPING = 0.98

_TURN_DAYS = 3
_TURN_MONTHS = 3
_LEAST_TURN = 0.08
_TURN_NOISE = 3.0
_TURN_AGREEMENT = 0.8
_NEIGHBOURS = np.array([-21, -14, -7, 7, 14, 21])


def blend(history: History, ends: Integers, horizon: int) -> Floats:
    """The weighted mean of the eight; weights from their errors at the origins before the end of the history."""
    members = _members(history, ends, horizon)
    past = ends < len(history)
    errors = np.abs(history.actuals(ends[past], horizon)[:, None] - members[past])
    missing = np.isnan(errors)
    tries = (~missing).sum(axis=(0, 2))
    weights = _PRIOR.copy()
    if tries.all():
        means = np.where(missing, 0.0, errors).sum(axis=(0, 2)) / tries
        best = means.min()
        # A perfect forecast takes all; among several the prior decides.
        weights *= (best / means) ** _SELECTIVITY if best > 0 else means == 0
    return np.asarray(np.einsum("m,omh->oh", weights / weights.sum(), members))


def _members(history: History, ends: Integers, horizon: int) -> Floats:
    """The eight forecasts, shape (origins, 8, horizon)."""
    turn = _turn_position(history.days(horizon))
    factors = _turn_factors(history, turn, ends)
    window = history.windows(ends, _WINDOW)
    future = np.ones((len(ends), horizon))
    if (factors != 1).any():
        rows = np.arange(len(ends))[:, None]
        # Repeated days before the first one have no date: they count as ordinary days.
        positions = np.concatenate([np.zeros(_WINDOW, dtype=int), turn])
        window = window / factors[rows, positions[ends[:, None] + np.arange(_WINDOW)]]
        future = factors[rows, turn[ends[:, None] + np.arange(horizon)]]
    shares = _weekday_shares(window)
    level_days = _without_weekdays(window, shares)

    smoothed = _smoothed(level_days)
    medians = {days: np.median(level_days[:, -days:], axis=1) for days in (14, 28, 91)}
    before = np.median(level_days[:, -56:-28], axis=1)
    most = _MOST_DRIFT_PER_DAY * np.abs(medians[28])
    drift = np.clip((medians[28] - before) / 28, -most, most)
    damped = np.cumsum(_DAMPING ** np.arange(1, horizon + 1))

    week = repeat_weeks(shares, horizon)
    return (
        np.stack(
            [
                smoothed[:, None] * week,
                (smoothed[:, None] + drift[:, None] * damped) * week,
                medians[14][:, None] * week,
                medians[28][:, None] * week,
                medians[91][:, None] * week,
                repeat_weeks(_weekday_medians(window, 4), horizon),
                repeat_weeks(_weekday_medians(window, 8), horizon),
                level_days[:, -1:] * week,
            ],
            axis=1,
        )
        * future[:, None]
    )


def _weekday_medians(window: Floats, weeks: int) -> Floats:
    return np.median(window[:, -weeks * WEEK :].reshape(-1, weeks, WEEK), axis=1)


def _weekday_shares(window: Floats) -> Floats:
    """The weekdays' shares of an ordinary day, shape (origins, 7); all 1 where they explain too little."""
    days = _WEEKDAY_WEEKS * WEEK
    sums = np.cumsum(np.pad(window, ((0, 0), (1, 0))), axis=1)
    # Centred weekly means; the last three days get the last whole week's.
    levels = np.pad((sums[:, WEEK:] - sums[:, :-WEEK]) / WEEK, ((0, 0), (3, 3)), mode="edge")[:, -days:]
    measurable = np.abs(levels) > 1e-12
    ratios = np.where(measurable, window[:, -days:] / np.where(measurable, levels, 1.0), 1.0)
    shares = np.maximum(_weekday_medians(ratios, _WEEKDAY_WEEKS), 0.0)
    means = shares.mean(axis=1, keepdims=True)
    shares = np.where(means > 0.1, shares / np.where(means > 0.1, means, 1.0), 1.0)
    unexplained = np.abs(ratios - np.tile(shares, _WEEKDAY_WEEKS)).mean(axis=1)
    explains = unexplained <= (1 - _WEEKDAY_GAIN) * np.abs(ratios - 1).mean(axis=1)
    return np.where(explains[:, None], shares, 1.0)


def _without_weekdays(window: Floats, shares: Floats) -> Floats:
    """Every day as if its weekday were an ordinary one; a closed weekday's value is the day before's."""
    shares = np.tile(shares, window.shape[1] // WEEK)
    is_open = shares > _CLOSED
    levels = window / np.where(is_open, shares, 1.0)
    newest_open = np.maximum.accumulate(np.where(is_open, np.arange(window.shape[1]), 0), axis=1)
    return np.take_along_axis(levels, newest_open, axis=1)


def _smoothed(levels: Floats) -> Floats:
    """Simple exponential smoothing at the end of each row, with the constant that predicted the next days best."""
    spread = 1.4826 * np.median(np.abs(np.diff(levels, axis=1)), axis=1)[:, None] + 1e-12
    level = np.repeat(levels[:, :WEEK].mean(axis=1)[:, None], len(_SMOOTHING), axis=1)
    errors = np.zeros_like(level)
    warm_up = levels.shape[1] // 4
    for day in range(levels.shape[1]):
        change = np.clip(levels[:, day, None] - level, -_CLIP * spread, _CLIP * spread)
        if day >= warm_up:
            errors += np.abs(change)
        level += _SMOOTHING * change
    return np.take_along_axis(level, errors.argmin(axis=1)[:, None], axis=1)[:, 0]


def _turn_position(days: NDArray[np.datetime64]) -> Integers:
    """0 for an ordinary day, 1-3 for the last, the last but one ... day of a month, 4-6 for its first three."""
    months = days.astype("datetime64[M]")
    since = (days - months.astype("datetime64[D]")).astype(int)
    left = ((months + 1).astype("datetime64[D]") - days).astype(int) - 1
    return np.where(left < _TURN_DAYS, 1 + left, np.where(since < _TURN_DAYS, _TURN_DAYS + 1 + since, 0))


def _turn_factors(history: History, turn: Integers, ends: Integers) -> Floats:
    """What a day at the turn of a month costs, as a multiple of the same weekday nearby: shape (origins, 7).

    1 where the months before the origin do not agree on it. A day is compared with three weeks on either side, so the
    last three weeks before an origin do not count.
    """
    factors = np.ones((len(ends), 2 * _TURN_DAYS + 1))
    days, margin = len(history), int(_NEIGHBOURS.max())
    if days < _TURN_MONTHS * 28 + 2 * margin:
        return factors
    at = np.arange(margin, days - margin)
    values, turn = history.values, turn[at]
    nearby = np.median(values[at[:, None] + _NEIGHBOURS], axis=1)
    usable = nearby > 0.01 * np.abs(values).mean()
    ratios = np.where(usable, values[at] / np.where(usable, nearby, 1.0), np.nan) - 1
    seen = at + margin < ends[:, None]
    noise = _row_medians(np.where(seen & (turn == 0), np.abs(ratios), np.nan))
    for position in range(1, 2 * _TURN_DAYS + 1):
        here = turn == position
        if not here.any():
            continue
        found = np.where(seen[:, here], ratios[here], np.nan)
        months = (~np.isnan(found)).sum(axis=1)
        change = _row_medians(found)
        agreeing = (np.sign(found) == np.sign(change)[:, None]).sum(axis=1)
        least = np.maximum(_LEAST_TURN, _TURN_NOISE * 1.4826 * 1.25 * noise / np.sqrt(np.maximum(months, 1)))
        holds = (months >= _TURN_MONTHS) & (np.abs(change) > least) & (agreeing >= _TURN_AGREEMENT * months)
        factors[:, position] = np.where(holds & (change > -0.95), 1 + change, 1.0)
    return factors


def _row_medians(rows: Floats) -> Floats:
    """The median of what is not NaN, 0 where nothing is."""
    ordered = np.sort(rows, axis=1)
    count = (~np.isnan(rows)).sum(axis=1)
    at = np.arange(len(rows))
    # NaN is sorted to the end.
    low, high = ordered[at, np.maximum(count - 1, 0) // 2], ordered[at, np.minimum(count // 2, rows.shape[1] - 1)]
    return np.where(count > 0, (low + high) / 2, 0.0)
