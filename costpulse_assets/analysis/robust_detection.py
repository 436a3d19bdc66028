"""Weekday-aware robust detection of unusual days, for all series of an account at once.

Belongs here: the method `robust` on bare arrays (series x days); the loop is over days only, and what is said of a day
uses that day and earlier ones. docs/methods.md, section Anomalies, gives each rule and why it is there. Everything is
relative to the series itself: there is no amount of money in this module.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

#: Days that a verdict can depend on; what the memory keeps of a series.
MEMORY = 112

NONE, SPIKE, DROP, LEVEL_SHIFT, DRIFT, NEW_SOURCE = range(6)

_WARM_UP = 21
_LEVEL_DAYS = 14
_WEEKS = 6
_SCALE_DAYS = 91
_SCALE_WEEKS = 10
_SMALLEST_SCALE = 0.025
_STRICT = 5.5
_LOOSE = 2.0
_SMALLEST_CHANGE = 0.18
_SPARSE = 1.6
_RECORD_DAYS = 42
_RECORD = 1.5
_PLAIN_DAYS = 28
_PLAIN = 4.0
_CLIP = 2.5
_RUN = 4
_DRIFT = 5.5
_DRIFT_CHANGE = 0.10
_REST = 21
_SOFT = 0.05
_BOUND = 1e9
_SEVERE = (1.5, 2.5)


@dataclass
class Memory:
    """What the method knows after a day: its last `MEMORY` days, series x days, and counters, one for each series."""

    raw: np.ndarray
    cleaned: np.ndarray
    season: np.ndarray
    residual: np.ndarray
    unit: np.ndarray
    seen: np.ndarray
    run: np.ndarray
    rest: np.ndarray


def blank(series: int) -> Memory:
    """The memory before the first day."""

    def past() -> np.ndarray:
        return np.full((series, MEMORY), np.nan)

    def counter() -> np.ndarray:
        return np.zeros(series, dtype=np.int64)

    return Memory(past(), past(), past(), past(), np.full(series, np.nan), counter(), counter(), counter())


@dataclass(frozen=True)
class Verdicts:
    """What is said of each day, series x days."""

    expected: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    score: np.ndarray
    severity: np.ndarray
    kind: np.ndarray


def judge_days(
    values: np.ndarray, days_named: pd.DatetimeIndex, sensitivity: np.ndarray, memory: Memory
) -> tuple[Verdicts, Memory]:
    """Judge days that follow those of the memory.

    Args:
        values: series x days, float64; NaN is missing.
        days_named: The days, for the calendar.
        sensitivity: One factor for each series; the limits are divided by it.
        memory: From `blank` or from the call before; not changed.

    Returns:
        The verdicts of these days, and the memory after the last of them.
    """
    series, days = values.shape
    shape = (series, MEMORY + days)

    def extended(past: np.ndarray) -> np.ndarray:
        whole = np.full(shape, np.nan)
        whole[:, :MEMORY] = past
        return whole

    unit = memory.unit.copy()
    _set_unit(unit, values)
    scale_of_unit = np.where(np.isnan(unit), 1.0, unit)
    raw = extended(memory.raw)
    raw[:, MEMORY:] = values / scale_of_unit[:, None]
    cleaned, season, residual = extended(memory.cleaned), extended(memory.season), extended(memory.residual)
    seen, run, rest = memory.seen.copy(), memory.run.copy(), memory.rest.copy()
    expected, lower, upper, score = (np.full((series, days), np.nan) for _ in range(4))
    severity, kind = np.zeros((series, days), dtype=np.int8), np.zeros((series, days), dtype=np.int8)
    for day in range(days):
        at = MEMORY + day
        x = raw[:, at]
        present = ~np.isnan(x)
        level = _mean(cleaned[:, at - _LEVEL_DAYS : at])
        size = _mean(np.abs(raw[:, at - _SCALE_DAYS : at]))
        weekday = _median(season[:, at - 7 * _WEEKS : at : 7])
        weekday[np.isnan(weekday)] = 0.0
        usual = level + np.maximum(np.abs(level), 0.2 * size) * weekday
        base = np.maximum(np.maximum(np.abs(usual), 0.5 * np.abs(level)), 0.05 * size)
        rises, drops = _scales(residual, at)
        strict, smallest = _STRICT / sensitivity, _SMALLEST_CHANGE / sensitivity
        sparse = _mean((raw[:, at - _SCALE_DAYS : at] == 0).astype(float)) > 0.25
        strict = np.where(sparse, strict * _SPARSE, strict)
        plain_mean, plain_deviation = _mean_and_deviation(cleaned[:, at - _PLAIN_DAYS : at])
        highest = _largest(raw[:, at - _RECORD_DAYS : at])
        loose = usual + base * np.maximum(_LOOSE / sensitivity * rises, smallest)
        top = usual + base * np.maximum(strict * rises, smallest)
        top = np.fmin(top, np.maximum(loose, _RECORD * highest))
        top = np.fmin(top, np.maximum(loose, plain_mean + _PLAIN / sensitivity * plain_deviation))
        drop_loose = usual - base * _drop_of(np.maximum(_LOOSE / sensitivity * drops, _residual_of(smallest)))
        bottom = usual - base * _drop_of(np.maximum(strict * drops, _residual_of(smallest)))
        bottom = np.fmax(bottom, np.minimum(drop_loose, plain_mean - _PLAIN / sensitivity * plain_deviation))
        difference = x - usual
        z = np.where(
            difference >= 0,
            _ratio(difference, base) / rises,
            -_residual_of(_ratio(-difference, base)) / drops,
        )
        ready = (seen >= _WARM_UP) & ~np.isnan(usual)
        high, low = present & ready & (x > top), present & ready & (x < bottom)
        flagged = high | low
        # A verdict's size: how many times as far out as the limit lies.
        limit = np.where(high, _ratio(difference, top - usual), _ratio(-difference, usual - bottom))
        kind[:, day] = np.where(high, SPIKE, np.where(low, DROP, NONE))
        severity[:, day] = np.where(flagged, 1 + (limit > _SEVERE[0]) + (limit > _SEVERE[1]), 0)
        begins = present & (x != 0) & (size == 0) & ready | (present & (seen == 0) & (x != 0))
        kind[begins, day] = NEW_SOURCE
        expected[:, day] = np.where(ready, usual, np.nan)
        lower[:, day] = np.where(ready, bottom, np.nan)
        upper[:, day] = np.where(ready, top, np.nan)
        score[:, day] = np.where(ready, z, np.nan)
        # what history keeps of the day
        kept = np.where(flagged, usual, x)
        cleaned[:, at] = kept
        season[:, at] = _ratio(kept - level, np.maximum(np.abs(level), 0.2 * size))
        r = np.where(difference >= 0, _ratio(difference, base), -_residual_of(_ratio(-difference, base)))
        residual[:, at] = np.where(flagged, np.clip(r, -_CLIP * drops, _CLIP * rises), r)
        seen += present
        direction = np.where(high, 1, np.where(low, -1, 0))
        run = np.where(
            ~present, run, np.where(direction == 0, 0, np.where(direction * run > 0, run + direction, direction))
        )
        accepted = np.abs(run) >= _RUN
        if accepted.any():
            kind[accepted, day] = LEVEL_SHIFT
            _rebase(cleaned, raw, at, accepted)
            run[accepted] = 0
    to_money = scale_of_unit[:, None]
    for array in (expected, lower, upper):
        array *= to_money
    last = slice(days, days + MEMORY)
    after = Memory(
        raw[:, last].copy(), cleaned[:, last].copy(), season[:, last].copy(), residual[:, last].copy(),
        unit, seen, run, rest,
    )  # fmt: skip
    return Verdicts(expected, lower, upper, score, severity, kind), after


def _set_unit(unit: np.ndarray, values: np.ndarray) -> None:
    """The first value that is not zero is the unit of a series, so that its size cannot matter."""
    usable = ~np.isnan(values) & (values != 0)
    first = usable.argmax(axis=1) if values.shape[1] else np.zeros(len(values), dtype=np.int64)
    news = np.isnan(unit) & usable.any(axis=1)
    unit[news] = np.abs(values[news, first[news]])


def _mean(window: np.ndarray) -> np.ndarray:
    """Mean of what is there, NaN where nothing is."""
    missing = np.isnan(window)
    return _ratio(np.where(missing, 0.0, window).sum(axis=1), (~missing).sum(axis=1).astype(float))


def _mean_and_deviation(window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = _mean(window)
    return mean, np.sqrt(_mean((window - mean[:, None]) ** 2))


def _largest(window: np.ndarray) -> np.ndarray:
    return np.asarray(np.fmax.reduce(window, axis=1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Quotient with a bound in place of infinity; 0 / 0 is 0; NaN where one of both is missing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.clip(above / below, -_BOUND, _BOUND)
    return np.where((above == 0) & (below == 0), 0.0, ratio)


def _median(window: np.ndarray) -> np.ndarray:
    """Median of what is there, NaN where nothing is."""
    ordered = np.sort(window, axis=1)
    count = (~np.isnan(window)).sum(axis=1)
    return _at(ordered, np.zeros_like(count), count, 0.5)


def _at(ordered: np.ndarray, start: np.ndarray, count: np.ndarray, share: float) -> np.ndarray:
    """The quantile of `count` sorted values from `start` on, NaN where there is none."""
    place = start + share * np.maximum(count - 1, 0)
    before = np.floor(place).astype(np.int64)
    after = np.minimum(before + 1, start + np.maximum(count - 1, 0))
    rows = np.arange(len(ordered))
    before, after, part = (
        np.minimum(before, ordered.shape[1] - 1),
        np.minimum(after, ordered.shape[1] - 1),
        place - before,
    )
    low, high = ordered[rows, before], ordered[rows, after]
    return np.where(count > 0, low + (high - low) * part, np.nan)


def _residual_of(share: np.ndarray) -> np.ndarray:
    """A drop by a share of the base, on a scale on which an end (1.0) is as rare as a rise to a multiple."""
    inside = np.log((1 + _SOFT) / (1 + _SOFT - np.clip(share, 0.0, 1.0)))
    return np.asarray(inside + np.maximum(share - 1.0, 0.0) / _SOFT)


def _drop_of(residual: np.ndarray) -> np.ndarray:
    """Inverse of `_residual_of`."""
    end = np.log((1 + _SOFT) / _SOFT)
    return np.asarray((1 + _SOFT) * (1 - np.exp(-np.minimum(residual, end))) + np.maximum(residual - end, 0.0) * _SOFT)


def _scales(residual: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray]:
    """How large rises and drops usually are."""
    ordered = np.sort(residual[:, at - _SCALE_DAYS : at], axis=1)
    count = (~np.isnan(ordered)).sum(axis=1)
    below = (ordered < 0).sum(axis=1)
    above = (ordered > 0).sum(axis=1)
    start = count - above
    weeks = residual[:, at - 7 * _SCALE_WEEKS : at : 7]
    same = 1.4826 * _median(np.abs(weeks - _median(weeks)[:, None]))
    zero = np.zeros_like(below)
    rises = np.fmax(1.4826 * _at(ordered, start, above, 0.5), 0.5 * _at(ordered, start, above, 0.98))
    drops = np.fmax(-1.4826 * _at(ordered, zero, below, 0.5), -0.5 * _at(ordered, zero, below, 0.02))
    return (
        np.fmax(np.fmax(rises, same), _SMALLEST_SCALE),
        np.fmax(np.fmax(drops, same), _SMALLEST_SCALE),
    )


def _rebase(cleaned: np.ndarray, raw: np.ndarray, at: int, accepted: np.ndarray) -> None:
    """The new level is the level: history is lifted to it, and the days of the run count as they are."""
    rows = np.flatnonzero(accepted)
    past = cleaned[rows, at - MEMORY : at + 1]
    new, old = raw[rows, at - _RUN + 1 : at + 1], past[:, -_RUN:]
    new_level, old_level = _mean(new), _mean(old)
    factor = _ratio(new_level, old_level)
    usable = (new_level > 0) & (old_level > 0)
    lifted = np.where(
        usable[:, None], past * np.where(usable, factor, 1.0)[:, None], past + (new_level - old_level)[:, None]
    )
    lifted[:, -_RUN:] = new
    cleaned[rows, at - MEMORY : at + 1] = lifted
