"""How well the detectors find known events in a history of one's own.

Belongs here: putting events into a history, and counting what is found of them; pure, and the same for the same seed.
What is in the history already counts as normal, so false alarms are an upper bound: some of them are real.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from costpulse_assets.analysis.anomalies import Judgements, Method, judge
from costpulse_assets.analysis.daily_values import daily_values
from costpulse_assets.errors import BadInput

EventClass = Literal["spike", "burst", "drop", "level shift", "drift"]
EVENT_CLASSES: tuple[EventClass, ...] = get_args(EventClass)

#: No event before this day of a series, so that every method has seen enough.
FIRST_DAY = 60
#: Days from one event to the next in a series, at least; what a level shift or a drift needs to be found lies between.
_APART = 45
#: Flagged days in one direction with at most this many quiet days between are one alarm.
_SAME_ALARM = 3
# How long after its last day an event may be recognised.
_GRACE = {"spike": 0, "burst": 0, "drop": 0, "level shift": 14, "drift": 14}
# Sensitivities that are tried for the wanted number of alarms, in the order of what they find.
_SENSITIVITIES = (0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5)


@dataclass(frozen=True)
class Injection:
    """An event that was put into a history.

    Attributes:
        series: column of the frame, by place.
        event_class: what it is.
        start: row of its first day.
        end: row of its last day; of a level shift the first day, of a drift the day it stops growing.
        direction: 1 up, -1 down.
    """

    series: int
    event_class: EventClass
    start: int
    end: int
    direction: int


@dataclass(frozen=True)
class Finding:
    """What became of one injected event: the delay in days, None if it was not found, and the money until then."""

    injection: Injection
    delay: int | None
    missed_usd: float


@dataclass(frozen=True)
class ClassScore:
    """One method on one class of events.

    Attributes:
        method: detector.
        event_class: class of events.
        injected: how many there were.
        found: how many an alarm of the same direction began in.
        recall: found / injected, None without any.
        mean_delay_days: from the first day to the alarm, of those found; 0 is the same day.
        missed_usd: absolute difference made by the events before they were found, or at all.
    """

    method: Method
    event_class: EventClass
    injected: int
    found: int
    recall: float | None
    mean_delay_days: float | None
    missed_usd: float


@dataclass(frozen=True)
class MethodScore:
    """One method on the history as it is.

    Attributes:
        method: detector.
        false_alarms_per_week: alarms over all series, from the day on that events can be put in; each counts as false.
        suggested_sensitivity: the highest of those tried with no more alarms per week than wanted; the lowest tried
            where none keeps to it.
        alarms_per_week_then: alarms per week with that sensitivity.
    """

    method: Method
    false_alarms_per_week: float
    suggested_sensitivity: float
    alarms_per_week_then: float


@dataclass(frozen=True)
class Scorecard:
    """Scores per method and class, and per method; `series` and `days` say what they rest on."""

    classes: tuple[ClassScore, ...]
    methods: tuple[MethodScore, ...]
    series: int
    days: int


def scorecard(
    frame: pd.DataFrame,
    *,
    seed: int,
    methods: Sequence[Method] = ("robust", "classic"),
    wanted_alarms_per_week: float,
) -> Scorecard:
    """Put known events into the history, and count what each method finds.

    Args:
        frame: days x series, as in `detect_many`.
        seed: Same seed and same frame, same scorecard.
        methods: Which to score.
        wanted_alarms_per_week: For the suggested sensitivity, over all series of the frame.

    Raises:
        BadInput: The frame is not usable, or the number of alarms is not above 0.
    """
    if not (np.isfinite(wanted_alarms_per_week) and wanted_alarms_per_week > 0):
        raise BadInput(
            f"{wanted_alarms_per_week!r} alarms per week cannot be aimed at.",
            next_step="Give a number above 0, for example 3.",
        )
    as_it_is = {method: judge(frame, method=method)[0] for method in methods}
    ordered = daily_values(frame)
    changed, injections = inject(ordered.to_numpy(), np.random.default_rng(seed))
    with_events = pd.DataFrame(changed, index=ordered.index, columns=ordered.columns)
    classes, totals = [], []
    for method in methods:
        judged, _ = judge(with_events, method=method)
        findings = find(judged, injections, ordered.to_numpy(), changed)
        classes += [_class_score(method, one, findings) for one in EVENT_CLASSES]
        rate = alarms_per_week(as_it_is[method])
        sensitivity, then = _suggest(frame, method, wanted_alarms_per_week, {1.0: rate})
        totals.append(MethodScore(method, rate, sensitivity, then))
    return Scorecard(tuple(classes), tuple(totals), len(ordered.columns), len(ordered))


def inject(values: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, list[Injection]]:
    """Put events into series, `_APART` days or more apart, the classes in turn.

    Args:
        values: days x series, NaN is missing; not changed.
        generator: Where sizes, days and directions come from.

    Returns:
        The series with the events, and what was put where.
    """
    changed = values.copy()
    injections: list[Injection] = []
    turn = 0
    for series in range(values.shape[1]):
        day = FIRST_DAY + int(generator.integers(_APART))
        while day < len(values) - 1:
            event_class = EVENT_CLASSES[turn % len(EVENT_CLASSES)]
            injection = _inject_one(changed[:, series], series, event_class, day, generator)
            if injection is not None:
                injections.append(injection)
                turn += 1
                day = injection.end
            day += _APART + int(generator.integers(_APART // 3))
    return changed, injections


def _inject_one(
    column: np.ndarray, series: int, event_class: EventClass, start: int, generator: np.random.Generator
) -> Injection | None:
    """One event from `start` on; None where the series does not cost what it usually does that day."""
    before = column[start - 28 : start]
    known = before[~np.isnan(before)]
    level = float(np.abs(known).mean()) if len(known) >= 14 else 0.0
    if level == 0 or not column[start] >= 0.5 * level:
        return None
    after = len(column) - start
    direction = 1
    if event_class == "spike":
        length, size = 1, generator.uniform(0.6, 3.0)
    elif event_class == "burst":
        length, size = int(generator.integers(2, 6)), generator.uniform(0.5, 2.0)
    elif event_class == "drop":
        direction, length, size = -1, int(generator.integers(1, 4)), -generator.uniform(0.5, 1.0)
    elif event_class == "level shift":
        direction = 1 if generator.random() < 0.7 else -1
        size = generator.uniform(0.3, 1.0) if direction > 0 else -generator.uniform(0.3, 0.6)
        column[start:] *= 1 + size
        return Injection(series, event_class, start, start, direction)
    else:
        growth, length = generator.uniform(0.015, 0.03), min(int(generator.integers(21, 31)), after)
        column[start:] *= (1 + growth) ** np.minimum(np.arange(1, after + 1), length)
        return Injection(series, event_class, start, start + length - 1, direction)
    length = min(length, after)
    column[start : start + length] *= 1 + size
    return Injection(series, event_class, start, start + length - 1, direction)


def find(
    judged: Judgements, injections: Sequence[Injection], original: np.ndarray, changed: np.ndarray
) -> list[Finding]:
    """What became of each event: the first flagged day in its direction while it lasts, or shortly after."""
    flagged = _directions(judged)
    findings = []
    for one in injections:
        last = min(one.end + _GRACE[one.event_class], len(flagged) - 1)
        hits = np.flatnonzero(flagged[one.start : last + 1, one.series] == one.direction)
        delay = int(hits[0]) if len(hits) else None
        unseen = slice(one.start, last + 1 if delay is None else one.start + delay)
        difference = changed[unseen, one.series] - original[unseen, one.series]
        findings.append(Finding(one, delay, float(np.nansum(np.abs(difference)))))
    return findings


def alarm_starts(judged: Judgements) -> np.ndarray:
    """Days x series: True where an alarm begins; flagged days close together in one direction are one alarm."""
    flagged = _directions(judged)
    starts = np.asarray(flagged != 0)
    for back in range(1, _SAME_ALARM + 2):
        starts[back:] &= flagged[:-back] != flagged[back:]
    return starts


def alarms_per_week(judged: Judgements) -> float:
    """Alarms per week over all series, from `FIRST_DAY` on; 0 where there are no such days."""
    days = len(judged.index) - FIRST_DAY
    return 7 * int(alarm_starts(judged)[FIRST_DAY:].sum()) / days if days > 0 else 0.0


def _directions(judged: Judgements) -> np.ndarray:
    """1 for days flagged as more than expected, -1 as less, 0 for the others."""
    return np.where(judged.severity > 0, np.sign(np.nan_to_num(judged.score)), 0).astype(np.int8)


def _class_score(method: Method, event_class: EventClass, findings: Sequence[Finding]) -> ClassScore:
    mine = [one for one in findings if one.injection.event_class == event_class]
    delays = [one.delay for one in mine if one.delay is not None]
    return ClassScore(
        method,
        event_class,
        injected=len(mine),
        found=len(delays),
        recall=len(delays) / len(mine) if mine else None,
        mean_delay_days=float(np.mean(delays)) if delays else None,
        missed_usd=sum(one.missed_usd for one in mine),
    )


def _suggest(frame: pd.DataFrame, method: Method, wanted: float, known: dict[float, float]) -> tuple[float, float]:
    """The highest sensitivity that keeps to the wanted alarms per week, by halving what is left of the list."""
    rates = dict(known)

    def rate(place: int) -> float:
        sensitivity = _SENSITIVITIES[place]
        if sensitivity not in rates:
            rates[sensitivity] = alarms_per_week(judge(frame, sensitivity=sensitivity, method=method)[0])
        return rates[sensitivity]

    low, high = 0, len(_SENSITIVITIES) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if rate(middle) <= wanted:
            low = middle
        else:
            high = middle - 1
    return _SENSITIVITIES[low], rate(low)
