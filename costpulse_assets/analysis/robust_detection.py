"""Weekday-aware robust detection of unusual days, for all series of an account at once.

Belongs here: the method `robust` on bare arrays (series x days); the loop is over days only, and what is said of a day
uses that day and earlier ones. docs/methods.md, section Anomalies, gives each rule and why it is there. Everything is
relative to the series itself: there is no amount of money in this module.

Sums and medians run along rows that lie together in memory, so that a series gives the same digits alone and among
others.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

#: Days that the windows below reach back, and the memory keeps.
MEMORY = 112

NONE, SPIKE, DROP, LEVEL_SHIFT, DRIFT, NEW_SOURCE = range(6)

#: Nothing is said before this many days.
WARM_UP_DAYS = 21
# Nor after a gap, before so many days are there again.
_LEAST_DAYS = 5
# What is expected: the level of two weeks, and what the weekday was to its level in six.
_LEVEL_DAYS, _WEEKS = 14, 6
# How large differences are: a quarter of a year, the weekday's own in ten weeks; never below 2.5 %.
_SCALE_DAYS, _SCALE_WEEKS, _SMALLEST_SCALE = 91, 10, 0.025
# A day is flagged by itself, or by a smaller distance where a second rule says so too; never for a change below 18 %.
_STRICT, _LOOSE, _SMALLEST_CHANGE = 5.5, 3.0, 0.18
# More than this share of days without cost: distances have to be larger by the factor.
_MANY_ZEROS, _SPARSE = 0.25, 1.6
# Second rules: half more than ever in six weeks; far out by mean and deviation of four weeks.
_RECORD_DAYS, _RECORD = 42, 1.5
_PLAIN_DAYS, _PLAIN = 28, 4.0
# What two of three months had at this place is no news, nor what was flagged this often in a quarter; how much more.
_HABIT, _ALLOWANCE = 3, 1.25
# The last and the first days of a month: where they are so many times as wild as other days, those are judged without.
_TURN, _WILD = 3, 2.5
# A flagged day counts in the scale as this far out; this many in a row are a level; one that returns this soon is over.
_CLIP, _RUN, _RETURN = 2.5, 4, 28
# Change of level: distance, least change, days until the next; how much less a week's median varies than a day; floor.
_DRIFT, _DRIFT_CHANGE, _REST, _WEEK_NOISE, _SMALLEST_DRIFT = 4.0, 0.10, 28, 0.53, 0.012
_LOOK_BACK = 42
# A drop to nothing is as far as log(1.05 / 0.05) = 3.0 of a rise.
_SOFT = 0.05
_NOTHING = 1e-9
# Distances in place of infinite ones.
_BOUND, _HIGHEST_SCORE = 1e9, 1e3
# Multiples of the limit from which a day is high, and critical.
_SEVERE = (2.0, 4.0)


@dataclass
class Memory:
    """What the method knows after a day.

    Attributes:
        raw: series x `MEMORY`, as all that follow up to `flags`: the values, in units of each series.
        cleaned: the same with what was expected in place of flagged days, at the present level.
        season: difference to the level of two weeks, as a share of it.
        residual: difference to what was expected, as a share; clipped where the day was flagged.
        flat: cleaned values without their weekday, at the present level.
        change: what the test for a change of level saw.
        surprise: as residual, not clipped.
        flags: the same, of the first flagged day of each run; NaN for all other days.
        unit: per series, as all that follow: absolute first value that is not zero; NaN before.
        seen: days that were there.
        run: flagged days in a row, negative for drops.
        rest: days until a change of level may be recognised again.
        shift: factor of the last level shift that was accepted; NaN: none.
        returns: days in which that shift may still turn out to be over.
    """

    raw: np.ndarray
    cleaned: np.ndarray
    season: np.ndarray
    residual: np.ndarray
    flat: np.ndarray
    change: np.ndarray
    surprise: np.ndarray
    flags: np.ndarray
    unit: np.ndarray
    seen: np.ndarray
    run: np.ndarray
    rest: np.ndarray
    shift: np.ndarray
    returns: np.ndarray


_WINDOWS = ("raw", "cleaned", "season", "residual", "flat", "change", "surprise", "flags")
_UNKNOWN = ("unit", "shift")
_COUNTERS = ("seen", "run", "rest", "returns")


def blank(series: int) -> Memory:
    """The memory before the first day."""
    return Memory(
        **{name: np.full((series, MEMORY), np.nan) for name in _WINDOWS},
        **{name: np.full(series, np.nan) for name in _UNKNOWN},
        **{name: np.zeros(series, dtype=np.int64) for name in _COUNTERS},
    )


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
    values: np.ndarray, days: Sequence[date], sensitivity: np.ndarray, memory: Memory
) -> tuple[Verdicts, Memory]:
    """Judge days that follow those of the memory.

    Args:
        values: series x days, float64; NaN is missing.
        days: Which days they are, for the place in the month.
        sensitivity: One factor for each series; the limits are divided by it.
        memory: From `blank` or from the call before; not changed.

    Returns:
        The verdicts of these days, and the memory after the last of them.
    """
    now = _extended(memory, values)
    amounts = (np.full(values.shape, np.nan) for _ in range(4))
    codes = (np.zeros(values.shape, dtype=np.int8) for _ in range(2))
    said = Verdicts(*amounts, *codes)
    for place, day in enumerate(days):
        _judge_day(now, said, place, day, sensitivity)
    in_money = np.where(np.isnan(now.unit), 1.0, now.unit)[:, None]
    for array in (said.expected, said.lower, said.upper):
        array *= in_money
    for name in _WINDOWS:
        setattr(now, name, getattr(now, name)[:, len(days) :].copy())
    return said, now


def _extended(memory: Memory, values: np.ndarray) -> Memory:
    """A copy of the memory with room for the new days; their values are in it."""
    unit = memory.unit.copy()
    usable = ~np.isnan(values) & (values != 0)
    # The first cost is the unit, so that the size of a series cannot matter, not even to the last digit.
    begins = np.flatnonzero(np.isnan(unit) & usable.any(axis=1))
    if len(begins):
        unit[begins] = np.abs(values[begins, usable[begins].argmax(axis=1)])
    room = np.full(values.shape, np.nan)
    in_units = np.clip(values / np.where(np.isnan(unit), 1.0, unit)[:, None], -(_BOUND**2), _BOUND**2)
    windows = {
        name: np.concatenate([getattr(memory, name), in_units if name == "raw" else room], axis=1) for name in _WINDOWS
    }
    others = {name: getattr(memory, name).copy() for name in (*_UNKNOWN, *_COUNTERS)}
    return Memory(**windows, **{**others, "unit": unit})


@dataclass
class _Usual:
    """What a day is compared with; one entry for each series, money in its units."""

    expected: np.ndarray
    level: np.ndarray
    weekday: np.ndarray
    size: np.ndarray
    base: np.ndarray
    rises: np.ndarray
    drops: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    sparse: np.ndarray
    high_before: np.ndarray
    low_before: np.ndarray


def _judge_day(now: Memory, said: Verdicts, day: int, named: date, sensitivity: np.ndarray) -> None:
    """One day of all series: say what it is, and remember it."""
    at = MEMORY + day
    x = now.raw[:, at]
    present = ~np.isnan(x)
    usual = _usual(now, at, named, sensitivity)
    _return_to_old_level(now, usual, x, at)
    now.returns = np.maximum(now.returns - present, 0)

    known_days = (~np.isnan(now.cleaned[:, at - _LEVEL_DAYS : at])).sum(axis=1)
    ready = (now.seen >= WARM_UP_DAYS) & (known_days >= _LEAST_DAYS)
    share = _ratio(x - usual.expected, usual.base)
    # What is left of sums in the last digits is neither a rise nor a drop.
    share = np.where(np.abs(share) < _NOTHING, 0.0, share)
    distance = np.where(share >= 0, share, -_distance_of_drop(-share))
    high, low = present & ready & (x > usual.upper), present & ready & (x < usual.lower)
    flagged = high | low
    limit = np.where(
        high,
        _ratio(usual.upper - usual.expected, usual.base),
        _distance_of_drop(_ratio(usual.expected - usual.lower, usual.base)),
    )
    score = np.clip(distance / np.where(share >= 0, usual.rises, usual.drops), -_HIGHEST_SCORE, _HIGHEST_SCORE)
    said.expected[:, day] = np.where(ready, usual.expected, np.nan)
    said.lower[:, day] = np.where(ready, usual.lower, np.nan)
    said.upper[:, day] = np.where(ready, usual.upper, np.nan)
    said.score[:, day] = np.where(ready, score, np.nan)
    said.severity[:, day] = np.where(flagged, _severity(_ratio(np.abs(distance), limit)), 0)
    said.kind[:, day] = np.where(high, SPIKE, np.where(low, DROP, NONE))

    begins = present & (x != 0) & ((usual.size == 0) | np.isnan(usual.size))
    if begins.any():
        # How far out a first cost lies has no measure: what it is worth is a question of money.
        said.severity[begins, day] = np.minimum(said.severity[begins, day], 1)
        said.kind[begins, day] = NEW_SOURCE
        _forget(now, begins, at)
        flagged = flagged & ~begins

    now.cleaned[:, at] = np.where(flagged, usual.expected, x)
    if _is_turn(named):
        # What this place in the month is known for is taken out, as weekdays are.
        habit = np.clip(share, -_drop_of_distance(usual.low_before), usual.high_before)
        now.cleaned[:, at] = np.where(flagged | ~ready, now.cleaned[:, at], x - usual.base * habit)
    now.season[:, at] = _ratio(now.cleaned[:, at] - usual.level, _season_unit(usual.level, usual.size))
    settled = now.seen >= 7
    now.surprise[:, at] = np.where(settled, distance, np.nan)
    clipped = np.clip(distance, -_CLIP * usual.drops, _CLIP * usual.rises)
    now.residual[:, at] = np.where(settled, np.where(flagged, clipped, distance), np.nan)
    now.flags[:, at] = np.where(flagged & (now.run == 0), distance, np.nan)
    now.seen += present

    direction = np.where(flagged, np.where(high, 1, -1), 0)
    run = np.where(direction * now.run > 0, now.run + direction, direction)
    now.run = np.where(present, run, now.run)
    accepted = np.abs(now.run) >= _RUN
    if accepted.any():
        said.kind[accepted, day] = LEVEL_SHIFT
        _accept(now, accepted, at)
    _judge_level(now, said, day, usual, present & ready & ~accepted, sensitivity)


def _usual(now: Memory, at: int, day: date, sensitivity: np.ndarray) -> _Usual:
    """What the days before say of this one."""
    # In the second week a mean of all days would hold more weekdays than weekends.
    level = np.where(
        now.seen < _LEVEL_DAYS, _mean(now.cleaned[:, at - 7 : at]), _mean(now.cleaned[:, at - _LEVEL_DAYS : at])
    )
    recent = np.abs(now.raw[:, at - _SCALE_DAYS : at])
    size = _mean(recent)
    weekday = _median(now.season[:, at - 7 * _WEEKS : at : 7])
    weekday = np.where(np.isnan(weekday), 0.0, weekday)
    expected = level + _season_unit(level, size) * weekday
    base = np.maximum(np.maximum(np.abs(expected), 0.5 * np.abs(level)), 0.05 * size)
    rises, drops = _scales(now.residual, at, day)
    sparse = (recent == 0).sum(axis=1) > _MANY_ZEROS * (~np.isnan(recent)).sum(axis=1)

    strict = np.where(sparse, _STRICT * _SPARSE, _STRICT) / sensitivity
    loose, plain, smallest = _LOOSE / sensitivity, _PLAIN / sensitivity, _SMALLEST_CHANGE / sensitivity
    mean, deviation = _mean_and_deviation(now.cleaned[:, at - _PLAIN_DAYS : at])
    record = _RECORD * np.fmax.reduce(now.raw[:, at - _RECORD_DAYS : at], axis=1)
    high_before, low_before = _same_place_in_months(now.surprise, day, at)
    high_often, low_often = _habits(now.flags[:, at - _SCALE_DAYS : at])
    high_allowed = _ALLOWANCE * np.maximum(high_before, high_often)
    low_allowed = _ALLOWANCE * np.maximum(low_before, low_often)

    enough = expected + base * np.maximum(loose * rises, smallest)
    upper = expected + base * np.maximum(strict * rises, smallest)
    upper = np.fmin(upper, np.maximum(enough, np.fmin(record, mean + plain * deviation)))
    upper = np.fmax(upper, expected + base * high_allowed)
    smallest = _distance_of_drop(smallest)
    enough = expected - base * _drop_of_distance(np.maximum(loose * drops, smallest))
    lower = expected - base * _drop_of_distance(np.maximum(strict * drops, smallest))
    lower = np.fmax(lower, np.minimum(enough, mean - plain * deviation))
    lower = np.fmin(lower, expected - base * _drop_of_distance(low_allowed))
    return _Usual(expected, level, weekday, size, base, rises, drops, lower, upper, sparse, high_before, low_before)


@lru_cache(maxsize=1024)
def _is_turn(day: date) -> bool:
    return day.day <= _TURN or (day + timedelta(days=_TURN)).day <= _TURN


@lru_cache(maxsize=1024)
def _other_days(day: date) -> np.ndarray:
    """How many days back those of the quarter lie that are no turn of a month."""
    return np.array([back for back in range(_SCALE_DAYS, 0, -1) if not _is_turn(day - timedelta(days=back))])


def _season_unit(level: np.ndarray, size: np.ndarray) -> np.ndarray:
    """What a weekday's difference is a share of: the level, unless costs and credits nearly cancel."""
    return np.asarray(np.maximum(np.abs(level), 0.2 * size))


def _return_to_old_level(now: Memory, usual: _Usual, x: np.ndarray, at: int) -> None:
    """A day outside the band of a new level but inside the band of the one before ends the shift without a flag."""
    factor = now.shift
    back = (now.returns > 0) & ((x > usual.upper) | (x < usual.lower))
    back &= (x <= usual.upper / factor) & (x >= usual.lower / factor)
    if not back.any():
        return
    for name in ("expected", "level", "base", "lower", "upper"):
        amount = getattr(usual, name)
        setattr(usual, name, np.where(back, amount / factor, amount))
    for history in (now.cleaned, now.flat):
        history[back, at - MEMORY : at] /= factor[back, None]
    now.returns[back] = 0


def _forget(now: Memory, rows: np.ndarray, at: int) -> None:
    """A source that begins has no history; days without cost before it are none."""
    for name in _WINDOWS:
        getattr(now, name)[rows, at - MEMORY : at] = np.nan
    for name in _COUNTERS:
        getattr(now, name)[rows] = 0
    now.shift[rows] = np.nan


def _accept(now: Memory, rows: np.ndarray, at: int) -> None:
    """The days of a run are the level from now on, and history is lifted to it."""
    run = slice(at - _RUN + 1, at + 1)
    old, new = _mean(now.cleaned[rows, run]), _mean(now.raw[rows, run])
    by_factor = (old > 0) & (new > 0)
    # From and to nothing there is no factor: every day before counts as the new level, and no weekday differs.
    factor = np.where(by_factor, new, 0.0) / np.where(by_factor, old, 1.0)
    amount = np.where(by_factor, 0.0, new)
    past = slice(at - MEMORY, at)
    for history in (now.cleaned, now.flat):
        history[rows, past] = history[rows, past] * factor[:, None] + amount[:, None]
    now.season[rows, past] *= np.where(by_factor, 1.0, 0.0)[:, None]
    now.cleaned[rows, run] = now.raw[rows, run]
    now.shift[rows] = np.where(by_factor, factor, np.nan)
    now.returns[rows] = np.where(by_factor, _RETURN, 0)
    now.run[rows], now.rest[rows] = 0, _REST


def _judge_level(
    now: Memory, said: Verdicts, day: int, usual: _Usual, judged: np.ndarray, sensitivity: np.ndarray
) -> None:
    """Whether one and two weeks lie apart from the four before, though no single day did."""
    at = MEMORY + day
    share = 1 + usual.weekday
    # A weekday that has next to nothing says nothing of the level, nor does a day before its weekday is known.
    telling = (share > 0.3) & (now.seen > _LEVEL_DAYS)
    now.flat[:, at] = np.where(telling, now.cleaned[:, at] / np.where(telling, share, 1.0), np.nan)
    before = now.flat[:, at - 41 : at - 13]
    reference = _median(before)
    size = np.maximum(np.abs(reference), 0.05 * usual.base)
    week = _ratio(_median(now.flat[:, at - 6 : at + 1]) - reference, size)
    weeks = _ratio(_median(now.flat[:, at - 13 : at + 1]) - reference, size)
    # The smaller of both; nothing where they disagree.
    moved = np.where(week * weeks > 0, np.sign(week) * np.minimum(np.abs(week), np.abs(weeks)), 0.0)
    enough = (~np.isnan(before)).sum(axis=1) >= 14
    now.change[:, at] = np.where(enough, moved, np.nan)
    able = judged & enough & (now.rest == 0) & (now.run == 0)
    now.rest = np.maximum(now.rest - judged, 0)
    # The rest is worth its time for few series a day only.
    rows = np.flatnonzero(able & (np.abs(moved) > _DRIFT_CHANGE / sensitivity))
    if not len(rows):
        return
    before, reference = before[rows], reference[rows]
    by_median = 1.4826 * _median(np.abs(before - reference[:, None]))
    deviation = np.where(usual.sparse[rows], _mean_and_deviation(before)[1], by_median)
    # How far such medians lie apart by chance, and how far they did in the last quarter.
    chance = _WEEK_NOISE * _ratio(deviation, size[rows])
    quarter = 1.4826 * _median(np.abs(now.change[rows, at - 98 : at - 14]))
    score = moved[rows] / np.fmax(np.fmax(chance, quarter), _SMALLEST_DRIFT)
    score = np.clip(score, -_HIGHEST_SCORE, _HIGHEST_SCORE)
    multiple = np.abs(score) * sensitivity[rows] / _DRIFT
    recognised = multiple > 1
    rows = rows[recognised]
    now.rest[rows] = _REST
    said.kind[rows, day] = np.where(_is_step(now.flat[rows, at + 1 - _LOOK_BACK : at + 1]), LEVEL_SHIFT, DRIFT)
    said.score[rows, day] = score[recognised]
    said.severity[rows, day] = _severity(multiple[recognised])


def _severity(multiple: np.ndarray) -> np.ndarray:
    """1 medium, 2 high, 3 critical, by how many times the limit it is."""
    return np.searchsorted(_SEVERE, multiple).astype(np.int8) + np.int8(1)


def _is_step(flat: np.ndarray) -> np.ndarray:
    """Whether the last six weeks look more like a step than like a ramp that is still growing."""
    values = np.where(np.isnan(flat), _median(flat)[:, None], flat)
    # The two highest and lowest days must not decide.
    ordered = np.sort(values, axis=1)
    values = np.clip(values, ordered[:, 2:3], ordered[:, -3:-2])
    step, ramp = (np.abs((values[:, None, :] * shapes).sum(axis=2)).max(axis=1) for shapes in (_STEPS, _RAMPS))
    return np.asarray(step >= ramp)


def _shapes(of: np.ufunc) -> np.ndarray:
    """One shape for each day it can begin on, as unit vectors without a mean: products with them are correlations."""
    since = np.arange(_LOOK_BACK) - np.arange(4, _LOOK_BACK - 3)[:, None] + 1
    shapes = of(since, 0).astype(float)
    shapes -= shapes.mean(axis=1, keepdims=True)
    return np.asarray(shapes / np.sqrt((shapes**2).sum(axis=1, keepdims=True)))


_STEPS, _RAMPS = _shapes(np.greater), _shapes(np.maximum)


def _scales(residual: np.ndarray, at: int, day: date) -> tuple[np.ndarray, np.ndarray]:
    """How large rises and drops usually are: by their median, by their largest, and by the weekday's own.

    Where turns of months are clearly wilder than other days, those count for turns only.
    """
    rises, drops = _usual_sizes(residual[:, at - _SCALE_DAYS : at])
    if not _is_turn(day):
        other_rises, other_drops = _usual_sizes(residual[:, at - _other_days(day)])
        rises = np.where(rises > _WILD * other_rises, other_rises, rises)
        drops = np.where(drops > _WILD * other_drops, other_drops, drops)
    weeks = residual[:, at - 7 * _SCALE_WEEKS : at : 7]
    least = np.fmax(1.4826 * _median(np.abs(weeks - _median(weeks)[:, None])), _SMALLEST_SCALE)
    return np.fmax(rises, least), np.fmax(drops, least)


def _usual_sizes(residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of rises and of drops, by their median and by their largest."""
    ordered = np.sort(residual, axis=1)
    below, above = (ordered < 0).sum(axis=1), (ordered > 0).sum(axis=1)
    first_rise = (~np.isnan(ordered)).sum(axis=1) - above
    none = np.zeros_like(below)
    rises = np.fmax(
        1.4826 * _quantile(ordered, first_rise, above, 0.5), 0.5 * _quantile(ordered, first_rise, above, 0.98)
    )
    drops = -np.fmin(1.4826 * _quantile(ordered, none, below, 0.5), 0.5 * _quantile(ordered, none, below, 0.02))
    return rises, drops


def _same_place_in_months(surprise: np.ndarray, day: date, at: int) -> tuple[np.ndarray, np.ndarray]:
    """The distance up and down that two of the last three months reached at this place, a day more or less.

    Places count from the first and from the last day of a month.
    """
    highs, lows = [], []
    from_last = monthrange(day.year, day.month)[1] - day.day
    for back in (1, 2, 3):
        years, month = divmod(day.year * 12 + day.month - 1 - back, 12)
        length = monthrange(years, month + 1)[1]
        places = {date(years, month + 1, min(day.day, length)), date(years, month + 1, max(length - from_last, 1))}
        columns = {at - (day - place).days + by for place in places for by in (-1, 0, 1)}
        near = surprise[:, sorted(columns)]
        highs.append(np.fmax.reduce(near, axis=1))
        lows.append(np.fmin.reduce(near, axis=1))
    high, low = (np.sort(np.nan_to_num(np.stack(of, axis=1)), axis=1)[:, 1] for of in (highs, lows))
    return np.maximum(high, 0.0), np.maximum(-low, 0.0)


def _habits(flags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distance up and down that `_HABIT` flagged days of a quarter reached, 0 where there are fewer."""
    high, low = np.zeros(len(flags)), np.zeros(len(flags))
    for often, direction in ((high, 1.0), (low, -1.0)):
        rows = np.flatnonzero((direction * flags > 0).sum(axis=1) >= _HABIT)
        ordered = np.sort(np.nan_to_num(direction * flags[rows]), axis=1)
        often[rows] = ordered[:, -_HABIT]
    return high, low


def _distance_of_drop(share: np.ndarray) -> np.ndarray:
    """How far a drop by a share is, so that the end of a cost is as far as a rise to a multiple of it."""
    inside = np.log((1 + _SOFT) / (1 + _SOFT - np.clip(share, 0.0, 1.0)))
    return np.asarray(inside + np.maximum(np.subtract(share, 1.0), 0.0) / _SOFT)


def _drop_of_distance(distance: np.ndarray) -> np.ndarray:
    """The inverse of `_distance_of_drop`."""
    end = np.log((1 + _SOFT) / _SOFT)
    inside = (1 + _SOFT) * (1 - np.exp(-np.minimum(distance, end)))
    return np.asarray(inside + np.maximum(distance - end, 0.0) * _SOFT)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Quotient with a bound in place of infinity; 0 / 0 is 0; NaN where one of both is missing."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.clip(above / below, -_BOUND, _BOUND)
    return np.where((above == 0) & (below == 0), 0.0, ratio)


def _mean(window: np.ndarray) -> np.ndarray:
    """Mean of what is there, NaN where nothing is."""
    missing = np.isnan(window)
    count = (~missing).sum(axis=1)
    return np.where(count > 0, np.where(missing, 0.0, window).sum(axis=1) / np.maximum(count, 1), np.nan)


def _mean_and_deviation(window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of what is there."""
    mean = _mean(window)
    return mean, np.sqrt(_mean((window - mean[:, None]) ** 2))


def _median(window: np.ndarray) -> np.ndarray:
    """Median of what is there, NaN where nothing is."""
    ordered = np.sort(window, axis=1)
    count = (~np.isnan(ordered)).sum(axis=1)
    return _quantile(ordered, np.zeros_like(count), count, 0.5)


def _quantile(ordered: np.ndarray, start: np.ndarray, count: np.ndarray, share: float) -> np.ndarray:
    """The quantile of `count` sorted values from `start` on, NaN where there is none."""
    last = np.clip(start + count - 1, 0, ordered.shape[1] - 1)
    place = np.minimum(start + share * np.maximum(count - 1, 0), last)
    before = place.astype(np.int64)
    rows = np.arange(len(ordered))
    low, high = ordered[rows, before], ordered[rows, np.minimum(before + 1, last)]
    return np.where(count > 0, low + (high - low) * (place - before), np.nan)
