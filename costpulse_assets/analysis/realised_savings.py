"""What a resource would have cost without a change, with an interval: the arithmetic behind recommendation outcomes.

The days before the change give a profile of the week; resources of the same kind that nobody changed tell how the cost
of the kind moved since. How wrong that is where nothing was changed, on other resources and on days before, gives the
interval. Costs are at the prices of one day, so that a new price is no saving.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, exp, hypot, log, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Days before a change that the week's profile is taken from, and the newest of them that give its level.
PROFILE_DAYS, LEVEL_DAYS = 56, 28
#: Fewest days before a change that anything is concluded from, and fewest that a placebo needs.
MINIMUM_BEFORE, PLACEBO_BEFORE = 14, 28
#: Comparable resources of the same workspace are enough from this many on; fewer than the second tell nothing.
ENOUGH_COMPARABLE, FEWEST_COMPARABLE = 5, 3
LEVEL = 0.95
#: A resource whose cost never moves may still be billed a little differently; as a share of a day's cost.
_LEAST_NOISE = 0.02
#: Days further from the profile than so many standard deviations are not typical of the resource.
_NOT_TYPICAL = 4.0
#: A cost that is gone, as the logarithm of its ratio to what was expected.
_GONE = log(0.01)


@dataclass(frozen=True)
class Costs:
    """Daily cost of resources of one kind, at the prices of one day.

    Attributes:
        values: days x resources in USD; NaN before the first day with cost.
        weekdays: weekday of each day.
        workspaces: workspace of each resource.
        changes: rows (days) on which each resource was changed; it is not compared with over days with one.
    """

    values: Floats
    weekdays: Ints
    workspaces: NDArray[np.object_]
    changes: tuple[Ints, ...]


@dataclass(frozen=True)
class Counterfactual:
    """Cost of the days after a change, had it not been made.

    Attributes:
        cost: USD.
        lower: USD, 95 % with `upper`.
        upper: USD.
        days_before: days that it rests on.
        comparable: resources that scale it; 0: it is not scaled.
        placebos: errors that the interval was taken from.
    """

    cost: float
    lower: float
    upper: float
    days_before: int
    comparable: int
    placebos: int


@dataclass(frozen=True)
class _Expected:
    """Of every resource: logarithm of actual to expected cost, the expected cost, and the noise of a day."""

    error: Floats
    cost: Floats
    noise: Floats


def expected_sum(values: Floats, weekdays: Ints, change: int, first: int, last: int, *, since: int = 0) -> Floats:
    """What the columns would add up to from `first` to `last`, going by the days before `change`.

    Args:
        values: days x columns, none of the days before NaN.
        weekdays: weekday of each row.
        change: row of the change; it is neither before nor after.
        first: first row that is added up.
        last: last row that is added up.
        since: first row that counts.
    """
    return _expect(values, weekdays, change, first, last, since).cost


def counterfactual(
    costs: Costs, column: int, *, change: int, first: int, last: int, since: int = 0
) -> Counterfactual | None:
    """The cost of one resource from `first` to `last`, had nothing been changed at `change`.

    Args:
        costs: of the resource and all that may be compared with it.
        column: the resource.
        change: row of the change.
        first: first row after it that is measured.
        last: last row that is measured.
        since: first row that tells of the resource as it was before the change.

    Returns:
        None where too few days are known, or it cost nothing in them.
    """
    known = np.flatnonzero(~np.isnan(costs.values[:, column]))
    if not known.size:
        return None
    begin = max(since, int(known[0]), change - PROFILE_DAYS)
    if change - begin < MINIMUM_BEFORE:
        return None
    own = _expect(costs.values[:, [column]], costs.weekdays, change, first, last, begin)
    if not own.cost[0] > 0:
        return None
    moved, spread, comparable = _moved(costs, column, change, first, last, begin)
    placebos = _placebos(costs, column, change, last - first + 1, first - change, max(since, int(known[0])))
    half = hypot(_quantile(placebos, last - first + 1) * float(own.noise[0]), 3 * spread)
    if len(placebos) < 5:
        half = max(half, log(2))
    cost = float(own.cost[0]) * exp(moved)
    return Counterfactual(cost, cost * exp(-half), cost * exp(half), change - begin, comparable, len(placebos))


def _expect(values: Floats, weekdays: Ints, change: int, first: int, last: int, since: int) -> _Expected:
    """Nothing of the days before may be NaN."""
    begin = max(0, since, change - PROFILE_DAYS)
    before, days = values[begin:change], weekdays[begin:change]
    with np.errstate(divide="ignore", invalid="ignore"):
        typical = _by_weekday(before, days, np.median)[days]
        away = before - typical
        overall = before.mean(axis=0)
        room = np.maximum(_NOT_TYPICAL * 1.4826 * np.median(np.abs(away), axis=0), 0.05 * overall)
        calm = typical + np.clip(away, -room, room)
        profile = _by_weekday(calm, days, np.mean)
        shape = profile[days]
        level = np.nan_to_num(calm[-LEVEL_DAYS:].sum(axis=0) / shape[-LEVEL_DAYS:].sum(axis=0))
        noise = np.sqrt(np.mean(np.square(calm - shape * level), axis=0)) / overall
        cost = profile[weekdays[first : last + 1]].sum(axis=0) * level
        actual = np.nansum(values[first : last + 1], axis=0)
        error = np.maximum(np.where(cost > 0, np.log(actual / cost), np.nan), _GONE)
    return _Expected(error, cost, np.maximum(noise, _LEAST_NOISE))


def _by_weekday(values: Floats, weekdays: Ints, middle: Callable[..., Floats]) -> Floats:
    """Seven rows: the middle of each weekday of a column; where there is no such day, that of all its days."""
    of_days = [values[weekdays == day] for day in range(7)]
    return np.array([middle(of_day if len(of_day) else values, axis=0) for of_day in of_days])


def _comparable(costs: Costs, begin: int, change: int, last: int) -> NDArray[np.bool_]:
    """Resources with cost on at least half of the days before, and untouched from then on."""
    before = costs.values[begin:change]
    used = np.sum(np.nan_to_num(before) > 0, axis=0) * 2 >= len(before)
    known = ~np.isnan(costs.values[begin])
    untouched = np.array([not np.any((at >= begin) & (at <= last)) for at in costs.changes], dtype=bool)
    return np.asarray(used & known & untouched, dtype=np.bool_)


def _moved(costs: Costs, column: int, change: int, first: int, last: int, begin: int) -> tuple[float, float, int]:
    """How the cost of comparable resources moved, as a logarithm, its standard error, and how many they are."""
    others = _comparable(costs, begin, change, last)
    others[column] = False
    near = others & (costs.workspaces == costs.workspaces[column])
    chosen = near if near.sum() >= ENOUGH_COMPARABLE else others
    error = _expect(costs.values[:, chosen], costs.weekdays, change, first, last, begin).error
    # One that stopped weeks ago tells nothing.
    error = error[np.isfinite(error)]
    if len(error) < FEWEST_COMPARABLE:
        return 0.0, 0.0, 0
    middle = float(np.median(error))
    # Of a median, from a robust standard deviation: a steady resource would else be as sure as it is steady.
    spread = 1.2533 * 1.4826 * float(np.median(np.abs(error - middle))) / sqrt(len(error))
    return middle, spread, len(error)


def _placebos(costs: Costs, column: int, change: int, days: int, gap: int, own_since: int) -> list[float]:
    """Errors of the same method where nothing was changed, in noises of a day of the resource they are from."""
    found: list[float] = []
    for step in range(4):
        at = change - step * (days + gap)
        begin, first = max(0, at - PROFILE_DAYS), at + gap
        if at - begin < PLACEBO_BEFORE:
            break
        others = _comparable(costs, begin, at, first + days - 1)
        # The resource itself was not changed yet.
        others[column] = step > 0 and at - own_since >= PLACEBO_BEFORE
        if not others.any():
            continue
        guess = _expect(costs.values[:, others], costs.weekdays, at, first, first + days - 1, begin)
        for place, name in enumerate(costs.workspaces[others]):
            if not np.isfinite(guess.error[place]) or not np.isfinite(guess.noise[place]):
                continue
            rest = np.isfinite(guess.error)
            rest[place] = False
            near = rest & (costs.workspaces[others] == name)
            chosen = near if near.sum() >= ENOUGH_COMPARABLE else rest
            moved = float(np.median(guess.error[chosen])) if chosen.sum() >= FEWEST_COMPARABLE else 0.0
            found.append(abs(float(guess.error[place]) - moved) / float(guess.noise[place]))
    return found


def _quantile(placebos: list[float], days: int) -> float:
    """How many noises of a day the interval reaches to each side; wider with few placebos."""
    least = 4.0 / sqrt(days)
    if not placebos:
        return least
    rank = ceil((len(placebos) + 1) * LEVEL)
    if rank > len(placebos):
        return max(least, 1.5 * max(placebos))
    return max(least, sorted(placebos)[rank - 1])
