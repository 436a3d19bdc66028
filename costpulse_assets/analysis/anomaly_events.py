"""From flagged days to events: which days belong together, what they are, what they cost more, and which cause which.

Belongs here: pure functions on arrays. Judging a day is anomalies.py; storing events and naming their causes is
anomaly_run.py. The rules and their reasons are in docs/methods.md, section Anomalies.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from costpulse_assets.analysis.anomalies import KINDS, SEVERITIES, Judgements, Severity
from costpulse_assets.analysis.series import Scope, ScopeType

EventKind = Literal["spike", "burst", "outage", "drop", "level shift", "drift", "new source"]
Direction = Literal["up", "down"]

#: A scope of a type may be explained by scopes of the types before its own.
EXPLAINED_BY: tuple[ScopeType, ...] = (
    "everything", "workspace", "product", "team", "sku", "job", "warehouse", "cluster",
)  # fmt: skip

#: A scope that begins earlier than this after the history does is no news.
NEW_AFTER_DAYS = 14
#: Days whose money decides about a new source.
_NEW_SOURCE_DAYS = 7
#: How long a new level is an event: then it is what the next days are compared with.
_LASTING_DAYS = 28
#: Days before an event that it is compared with.
_COMPARED_DAYS = 28
_SHORT_DAYS = 2
#: A change is over when what is left of it is less than this share.
_BACK = 0.5
_OUTAGE = 0.5
#: The first day of a slow change is an estimate: so many days before it are compared with neither way.
_UNSURE_DAYS = 3
#: Single resources: when one of them does not run for a day or two, it may have had nothing to do.
_RESOURCES: tuple[ScopeType, ...] = ("job", "warehouse", "cluster")
#: Where everything can be at home.
_PLACES: tuple[ScopeType, ...] = ("workspace", *_RESOURCES)
#: After one such gap others in so many days are no news.
_KNOWN_DAYS = 70
#: A severity needs this many times the minimum impact in money.
_WORTH: tuple[tuple[float, int], ...] = ((10.0, 3), (3.0, 2))
_LEVEL_SHIFT, _DRIFT, _NEW_SOURCE = (KINDS.index(kind) for kind in ("level shift", "drift", "new source"))

#: One cause begins at one time: how many days apart its events in two scopes may begin; slow changes are dated less
#: exactly.
_BEGIN_APART, _SLOW_BEGIN_APART = 3, 14
_MATERIAL = 0.2
_EXPLAINED = 0.5
#: What moves by less than this is at its usual level: no day is flagged below it.
_UNMOVED = 0.18


@dataclass(frozen=True)
class Event:
    """Days of one scope that were not normal, for one reason as far as its own series can tell.

    Attributes:
        scope: whose.
        kind: what it is; see the column comment of costpulse.anomalies.
        direction: more or less than expected.
        start: first day.
        last: newest day that counts.
        is_ongoing: it goes on after `last`, as far as is known.
        recognised_on: the day with whose value it was recognised.
        is_provisional: days that are not final count.
        severity: from the detector, and only as high as the money is worth.
        score: of its worst day.
        actual: USD, one value for each day from start to last, 0 where nothing is known.
        expected: USD, likewise: the mean of the same weekdays in the weeks before the event.
        compared_with: the days that `expected` is made from, each with its weight in the sum over the event.
        is_slow: found by the trend, so that `start` is an estimate.
    """

    scope: Scope
    kind: EventKind
    direction: Direction
    start: date
    last: date
    is_ongoing: bool
    recognised_on: date
    is_provisional: bool
    severity: Severity
    score: float
    actual: np.ndarray
    expected: np.ndarray
    compared_with: Mapping[date, float]
    is_slow: bool = False

    @property
    def sign(self) -> int:
        """1 up, -1 down."""
        return 1 if self.direction == "up" else -1

    @property
    def impact(self) -> float:
        """USD more (or, below zero, less) than expected."""
        return float((self.actual - self.expected).sum())


def find_events(
    frame: pd.DataFrame,
    judged: Judgements,
    *,
    final_until: date | None,
    minimum_impact: Mapping[Scope, float],
) -> list[Event]:
    """All events of all scopes that are worth their money, by scope and day.

    Args:
        frame: days x scopes, USD, every day from first to last; NaN is missing.
        judged: of the same days and scopes.
        final_until: last final day; later days count only where they are too high already.
        minimum_impact: USD per scope below which nothing is an event.
    """
    index = pd.DatetimeIndex(frame.index)
    finals = int((index <= pd.Timestamp(final_until)).sum()) if final_until is not None else 0
    values = frame.to_numpy(dtype=float)
    dates = [day.date() for day in index]
    weekdays = index.day_of_week.to_numpy()
    signs = _signs(judged)
    signs[finals:] = np.maximum(signs[finals:], 0)
    events: list[Event] = []
    scopes: list[Any] = frame.columns.tolist()
    for column in map(int, np.flatnonzero((signs != 0).any(axis=0))):
        scope: Scope = scopes[column]
        series = _Series(
            values[:, column], weekdays, finals, signs[:, column], judged.severity[:, column], judged.kind[:, column],
            judged.score[:, column], judged.expected[:, column],
        )  # fmt: skip
        findings = _join(series, [*_new_sources(series), *_runs(series), *_slow_changes(series)])
        events += _events(series, findings, scope, dates, minimum_impact[scope])
    return events


def roll_up(
    events: Sequence[Event], inside: Sequence[Mapping[Scope, float]], *, team_depth: Mapping[str, int]
) -> list[int | None]:
    """Which event each event is shown under: that of the largest scope that explains it.

    An event explains another one of a smaller scope if both go the same way, began at about the same time and share
    days, if most of the smaller one lies inside the larger scope, and if it is either a good part of the larger one or
    moved by no more than everything in the larger scope did.

    A larger scope explains nothing if it is unusual only because one smaller scope is: if the rest of it is at its
    usual level. Then it is shown under the smaller one: a product under the warehouse that costs more, everything
    under the workspace that stood still. So it is for single resources, and for the workspaces of everything; products,
    teams and SKUs cut the same cost otherwise and place nothing. See `shown_severity`.

    Args:
        events: all of them.
        inside: for each event the scopes that hold at least half of its difference, with the share they hold.
        team_depth: how many teams a team lies below; teams above explain those below.

    Returns:
        For each event the place of the one it is shown under, which is shown itself; None where it is shown.
    """

    def rank(event: Event) -> tuple[int, int]:
        depth = team_depth.get(event.scope.id, 0) if event.scope.type == "team" else 0
        return _place(event), depth

    def share(larger: Event, at: int) -> float:
        return 1.0 if larger.scope.type == "everything" else inside[at].get(larger.scope, 0.0)

    order = sorted(range(len(events)), key=lambda at: (*rank(events[at]), events[at].start, events[at].scope.id))
    parents: list[int | None] = [None] * len(events)
    # The smallest first, so that the one it is shown under is known to be shown under another.
    for place in reversed(range(len(order))):
        at = order[place]
        if events[at].scope.type in _RESOURCES:
            continue
        causes = [
            below
            for below in order[place + 1 :]
            if events[below].scope.type in (_PLACES if events[at].scope.type == "everything" else _RESOURCES)
            and _is_all_of(events[below], events[at], share(events[at], below))
        ]
        if causes:
            cause = min(causes, key=lambda below: (events[below].scope.type not in _RESOURCES, order.index(below)))
            parents[at] = cause if parents[cause] is None else parents[cause]
    explaining = [at for at in order if parents[at] is None]
    for place, at in enumerate(explaining):
        for above in explaining[:place]:
            if rank(events[above]) == rank(events[at]):
                break
            inner = share(events[above], at)
            if inner >= _EXPLAINED and _explains(events[above], events[at], inner):
                top = parents[above]
                parents[at] = above if top is None else top
                break
    return [None if top is None else (top if parents[top] is None else parents[top]) for top in parents]


def shown_severity(events: Sequence[Event], parents: Sequence[int | None]) -> list[Severity]:
    """How severe each event is with what is shown under it: as severe as in any larger scope that it makes unusual."""
    codes = [SEVERITIES.index(event.severity) for event in events]
    highest = codes.copy()
    for at, parent in enumerate(parents):
        if parent is not None and _place(events[at]) < _place(events[parent]):
            highest[parent] = max(highest[parent], codes[at])
    return [severity for code in highest if (severity := SEVERITIES[code]) is not None]


def _place(event: Event) -> int:
    return EXPLAINED_BY.index(event.scope.type)


def _is_all_of(smaller: Event, larger: Event, share: float) -> bool:
    """Whether the larger scope is unusual only because the smaller one is, of which a share lies inside it."""
    if not _is_together(larger, smaller) or (_goes_on(larger) and not _goes_on(smaller)):
        return False
    first, last = _common_days(larger, smaller) if _goes_on(smaller) else (larger.start, larger.last)
    (of_larger, usual_larger), (of_smaller, usual_smaller) = _over(larger, first, last), _over(smaller, first, last)
    rest, usual = of_larger - share * of_smaller, usual_larger - share * usual_smaller
    return of_larger > 0 and abs(rest) <= min(_UNMOVED * max(usual, of_larger), (1 - _EXPLAINED) * of_larger)


def _explains(larger: Event, smaller: Event, share: float) -> bool:
    if not _is_together(larger, smaller):
        return False
    first, last = _common_days(larger, smaller)
    (of_larger, usual_larger), (of_smaller, usual_smaller) = _over(larger, first, last), _over(smaller, first, last)
    if of_larger <= 0 or of_smaller <= 0:
        return False
    is_material = of_smaller * share >= _MATERIAL * of_larger
    moved_alike = usual_larger > 0 and of_larger / usual_larger * usual_smaller >= _EXPLAINED * of_smaller
    return is_material or moved_alike


def _is_together(larger: Event, smaller: Event) -> bool:
    """Whether they go the same way, share days, and began at one time as far as is known."""
    first, last = _common_days(larger, smaller)
    if larger.sign != smaller.sign or first > last:
        return False
    if larger.is_slow and larger.start <= smaller.start <= larger.recognised_on:
        return True
    apart = _SLOW_BEGIN_APART if larger.is_slow or smaller.is_slow else _BEGIN_APART
    return abs((larger.start - smaller.start).days) <= apart


def _goes_on(event: Event) -> bool:
    return event.kind in ("level shift", "drift", "new source")


def _common_days(one: Event, other: Event) -> tuple[date, date]:
    return max(one.start, other.start), min(one.last, other.last)


def _over(event: Event, first: date, last: date) -> tuple[float, float]:
    """What it moved by in its direction over these days, and what is usual for them; days apart from it are usual."""
    days = slice(max((first - event.start).days, 0), max((last - event.start).days + 1, 0))
    usual = float(event.expected[days].sum())
    return event.sign * (float(event.actual[days].sum()) - usual), usual


@dataclass(frozen=True)
class _Series:
    """One scope, by day; `finals` days are final."""

    values: np.ndarray
    weekdays: np.ndarray
    finals: int
    signs: np.ndarray
    severity: np.ndarray
    kind: np.ndarray
    score: np.ndarray
    expected: np.ndarray


@dataclass
class _Finding:
    """Days (by place) that belong together; `until` is how long a lasting change counts as an event."""

    first: int
    last: int
    sign: int
    recognised: int
    severity: int
    score: float
    flagged: int
    kind: EventKind | None = None
    until: int = -1
    #: From here on the days of a lasting change show what is usual now.
    settled: int = -1
    #: Found by the trend: the first day is an estimate.
    is_slow: bool = False

    @property
    def is_lasting(self) -> bool:
        return self.kind in ("level shift", "drift")

    def covers(self, day: int) -> bool:
        return self.first <= day <= max(self.last, self.until)


def _signs(judged: Judgements) -> np.ndarray:
    """Days x series: 1 too high, -1 too low, 0 nothing."""
    is_flagged = judged.severity > 0
    signs = np.where(is_flagged, np.sign(np.nan_to_num(judged.score)), 0).astype(np.int8)
    signs[judged.kind == _NEW_SOURCE] = 1
    return signs


def _new_sources(series: _Series) -> Iterator[_Finding]:
    for day in map(int, np.flatnonzero(series.kind == _NEW_SOURCE)):
        if day >= NEW_AFTER_DAYS:
            last = min(day + _NEW_SOURCE_DAYS - 1, len(series.values) - 1)
            # The money alone says how grave it is, see `_severity`.
            yield _Finding(day, last, 1, day, 2, 0.0, 1, "new source")


def _runs(series: _Series) -> Iterator[_Finding]:
    """Flagged days in one direction; a day between them, or a weekend, does not end a run."""
    run: _Finding | None = None
    for day in map(int, np.flatnonzero(series.signs)):
        if series.kind[day] == _NEW_SOURCE or _is_slow(series, day):
            continue
        sign = int(series.signs[day])
        if run is not None and (sign != run.sign or not _is_short_gap(series, run.last, day)):
            yield run
            run = None
        if run is None:
            run = _Finding(day, day, sign, day, 0, 0.0, 0)
        run.last = day
        run.flagged += 1
        _count(run, int(series.severity[day]), float(series.score[day]))
        if series.kind[day] == _LEVEL_SHIFT and day < series.finals and run.kind is None:
            run.kind, run.settled, run.until = "level shift", run.first, run.first + _LASTING_DAYS - 1
    if run is not None:
        yield run


def _is_slow(series: _Series, day: int) -> bool:
    """Recognised by the trend, not by days that stand out one by one."""
    if series.kind[day] == _DRIFT:
        return True
    return bool(series.kind[day] == _LEVEL_SHIFT and series.signs[day - 1] != series.signs[day])


def _is_short_gap(series: _Series, before: int, after: int) -> bool:
    between = series.weekdays[before + 1 : after]
    return len(between) <= 3 and int((between < 5).sum()) <= 1


def _slow_changes(series: _Series) -> Iterator[_Finding]:
    for day in map(int, np.flatnonzero(series.signs)):
        if day < series.finals and series.kind[day] in (_DRIFT, _LEVEL_SHIFT) and _is_slow(series, day):
            kind, first = _shape(series, day)
            until, settled = (day, max(first, day - 6)) if kind == "drift" else (first, first)
            yield _Finding(
                first, day, int(series.signs[day]), day, int(series.severity[day]), float(series.score[day]), 0,
                kind, until + _LASTING_DAYS - 1, settled, True,
            )  # fmt: skip


#: A slow change is recognised at most so many days after it began, and looked for in so many before these and a week
#: after, as far as it has passed.
_ONSET_DAYS, _ONSET_BEFORE, _ONSET_AFTER = 28, 28, 7


def _shape(series: _Series, day: int) -> tuple[EventKind, int]:
    """Whether a step, or a straight line out of a level, fits the days around `day` best, and where it begins.

    The detector has to say which on less: days that it flagged before count there as what was expected of them, and of
    the week after it knows nothing.
    """
    begin, end = max(0, day - _ONSET_DAYS - _ONSET_BEFORE), min(day + _ONSET_AFTER + 1, series.finals)
    level = _without_weekdays(series.values[begin:end], series.weekdays[begin:end])
    known = np.flatnonzero(~np.isnan(level))
    y = _without_outliers(level[known])
    # A week of what was usual before it, at least.
    enough = 7 + _UNSURE_DAYS
    earliest = max(int(known[enough]) if len(known) > enough else day - begin, day - _ONSET_DAYS - begin)
    errors: dict[tuple[EventKind, int], float] = {}
    for at in range(earliest, day - begin):
        shapes: dict[EventKind, np.ndarray] = {
            "level shift": (known >= at).astype(float),
            "drift": np.maximum(known - at + 1.0, 0.0),
        }
        for kind, x in shapes.items():
            if 0 < x.astype(bool).sum() < len(x):
                x -= x.mean()
                slope = float(x @ y / (x @ x))
                errors[kind, begin + at] = float(((y - y.mean() - slope * x) ** 2).sum())
    said: EventKind = "drift" if series.kind[day] == _DRIFT else "level shift"
    return min(errors, key=errors.__getitem__) if errors else (said, day)


def _without_outliers(level: np.ndarray) -> np.ndarray:
    """A few days that stand out, such as the turn of a month, are no step."""
    around = pd.Series(level).rolling(9, center=True, min_periods=1).median().to_numpy()
    spread = 3 * float(np.median(np.abs(level - around))) if len(level) else 0.0
    return np.asarray(np.clip(level, around - spread, around + spread))


def _without_weekdays(values: np.ndarray, weekdays: np.ndarray) -> np.ndarray:
    """Values over the usual ratio of their weekday to the week around it; NaN where the weekday is usually nothing."""
    weeks = pd.Series(values).rolling(7, center=True, min_periods=4).mean().to_numpy()
    ratios = np.divide(values, weeks, out=np.full(len(values), np.nan), where=weeks > 0)
    level = np.full(len(values), np.nan)
    for weekday in range(7):
        days = weekdays == weekday
        known = ratios[days][~np.isnan(ratios[days])]
        usual = float(np.median(known)) if len(known) else 1.0
        if usual > 0.05:
            level[days] = values[days] / usual
    return level


def _join(series: _Series, findings: Iterable[_Finding]) -> list[_Finding]:
    """Findings in order of their days, those of one cause made one; none of one direction overlap."""
    joined: list[_Finding] = []
    # New sources, runs and slow changes come in this order where they begin together.
    for found in sorted(findings, key=lambda found: found.first):
        before = next((old for old in reversed(joined) if old.covers(found.first)), None)
        same = next((old for old in reversed(joined) if old.sign == found.sign and old.covers(found.first)), None)
        if (
            before is not None
            and before.sign != found.sign
            and before.is_lasting
            and found.kind != "new source"
            and _is_back(series, before, range(found.first, min(found.last + 1, series.finals)))
        ):
            _end(before, found.first)
        elif same is None:
            joined.append(found)
        elif same.is_lasting and found.first > same.first and _stands_out(series, same, found):
            same.last, same.until = found.first - 1, -1
            joined.append(found)
        else:
            _absorb(same, found)
    for found in joined:
        if found.until >= 0:
            found.last = max(found.last, min(found.until, series.finals - 1))
        if found.is_lasting and (back := _first_day_back(series, found)) is not None:
            _end(found, back)
    return joined


def _end(lasting: _Finding, back: int) -> None:
    """It is over: what was taken for a lasting change was a long burst or outage."""
    lasting.last, lasting.until, lasting.kind = back - 1, -1, None
    lasting.flagged = back - lasting.first


def _first_day_back(series: _Series, lasting: _Finding) -> int | None:
    """The day from which a week is back at the level before, whether or not the detector found it unusual."""
    # What is recognised by its trend is near to where it came from for a while.
    begin = max(lasting.recognised + 1, lasting.first + _SHORT_DAYS + 1)
    for day in range(begin, lasting.last - 5):
        # A day that stands out the other way has a reason of its own.
        week = [each for each in range(day, day + 7) if series.signs[each] != -lasting.sign]
        if len(week) >= 4 and _is_back(series, lasting, week):
            return next((each for each in week if _is_back(series, lasting, [each])), day)
    return None


def _absorb(old: _Finding, new: _Finding) -> None:
    _count(old, new.severity, new.score)
    old.flagged += new.flagged
    old.recognised = min(old.recognised, new.recognised)
    if old.kind == "new source":
        return
    old.last = max(old.last, new.last)
    old.until = max(old.until, new.until)
    if new.is_lasting:
        old.kind, old.settled = (new.kind, new.settled) if old.kind is None else (old.kind, old.settled)


def _count(finding: _Finding, severity: int, score: float) -> None:
    finding.severity = max(finding.severity, severity)
    if abs(score) > abs(finding.score):
        finding.score = score


def _is_back(series: _Series, lasting: _Finding, days: Sequence[int]) -> bool:
    """Whether the days are nearer to the level before `lasting` than to that of `lasting`."""
    if not days:
        return False
    since = max(lasting.first, days[0] - _COMPARED_DAYS)
    known = slice(since, days[0])
    # A new level of five days says nothing of weekends.
    weekdays = series.weekdays[known][~np.isnan(series.values[known])]
    comparable = [day for day in days if series.weekdays[day] in weekdays]
    values = series.values[comparable]
    if np.isnan(values).all():
        return False
    before = _usual(series, comparable, lasting.first - _COMPARED_DAYS, lasting.first)
    after = _usual(series, comparable, since, days[0])
    return bool(abs(np.nanmean(values) - before) < _BACK * abs(after - before))


def _usual(series: _Series, days: Iterable[int], begin: int, end: int) -> float:
    """What the weekdays of `days` cost from begin to before end, a month's turn apart; all days where there is none."""
    pool = np.arange(max(begin, 0), max(end, 0))
    pool = pool[~np.isnan(series.values[pool])]
    same = [pool[series.weekdays[pool] == series.weekdays[day]] for day in days]
    usual = [float(np.median(series.values[each if len(each) else pool])) for each in same] if len(pool) else []
    return float(np.mean(usual)) if usual else float("nan")


def _stands_out(series: _Series, lasting: _Finding, found: _Finding) -> bool:
    """Whether `found` is more than `lasting` going on: twice as far above what its days would have been."""
    if found.is_lasting:
        return False
    days = slice(found.first, found.last + 1)
    extra = np.abs(series.values[days] - series.expected[days])
    extra = extra[~np.isnan(extra)]
    end = min(max(lasting.last, lasting.until) + 1, series.finals)
    others = [
        day
        for day in range(lasting.first, end)
        if not found.first <= day <= found.last and not np.isnan(series.values[day])
    ]
    if not len(extra) or not others:
        return False
    before = _usual(series, others, lasting.first - _COMPARED_DAYS, lasting.first)
    return float(extra.mean()) > 2 * abs(float(series.values[others].mean()) - before)


def _events(
    series: _Series, findings: Sequence[_Finding], scope: Scope, dates: Sequence[date], minimum_impact: float
) -> Iterator[Event]:
    for found in findings:
        is_gap = scope.type in _RESOURCES and found.sign < 0 and not found.is_lasting and found.flagged <= _SHORT_DAYS
        if is_gap and _is_known(series, findings, found):
            continue
        compared = _compared_with(series, findings, found)
        if found.kind != "new source" and not all(compared):
            continue  # nothing is known of the weeks before
        actual = np.nan_to_num(series.values[found.first : found.last + 1])
        expected = np.array([sum(weight * series.values[day] for day, weight in each.items()) for each in compared])
        impact = float((actual - expected).sum()) * found.sign
        if impact <= 0 or impact < minimum_impact:
            continue
        weights: dict[date, float] = {}
        for each in compared:
            for day, weight in each.items():
                weights[dates[day]] = weights.get(dates[day], 0.0) + weight
        severity = SEVERITIES[1 if is_gap else _severity(found.severity, impact, minimum_impact)]
        assert severity is not None
        yield Event(
            scope,
            _kind(found, float(actual.sum()), float(expected.sum())),
            "up" if found.sign > 0 else "down",
            dates[found.first],
            dates[found.last],
            found.last >= series.finals - 1,
            dates[found.recognised],
            found.last >= series.finals,
            severity,
            found.score,
            actual,
            expected,
            weights,
            found.is_slow,
        )


def _is_known(series: _Series, findings: Sequence[_Finding], gap: _Finding) -> bool:
    """Whether as large a part of its cost was missing lately already."""

    def missing(each: _Finding) -> float:
        days = slice(each.first, each.last + 1)
        return float(np.nanmean(1 - series.values[days] / np.maximum(series.expected[days], 1e-9)))

    return any(
        each.sign < 0 and gap.first - _KNOWN_DAYS <= each.first < gap.first and missing(each) >= 0.8 * missing(gap)
        for each in findings
    )


def _kind(found: _Finding, actual: float, expected: float) -> EventKind:
    if found.kind is not None:
        return found.kind
    if found.sign > 0:
        return "spike" if found.flagged <= _SHORT_DAYS else "burst"
    return "outage" if actual < _OUTAGE * expected else "drop"


def _severity(severity: int, impact: float, minimum_impact: float) -> int:
    """The detector's, held down to what the money is worth."""
    worth = next((worth for times, worth in _WORTH if impact >= times * minimum_impact), 1)
    return max(1, min(severity, worth))


def _compared_with(series: _Series, findings: Sequence[_Finding], found: _Finding) -> list[dict[int, float]]:
    """For each day of the event the days it is compared with, and their weights, which add up to 1."""
    days = range(found.first, found.last + 1)
    if found.kind == "new source":
        return [{} for _ in days]
    end = min(found.first, series.finals)
    begin = max(0, end - _COMPARED_DAYS)
    end = max(begin, end - _UNSURE_DAYS) if found.is_slow else end
    usual = ~np.isnan(series.values)
    usual[:begin] = usual[end:] = False
    for other in findings:
        if other.first < found.first:
            # After a change that lasts, a week of what is usual now counts, and nothing before it.
            if other.is_lasting and usual[other.settled : end].sum() >= 7:
                usual[: other.settled] = False
            else:
                usual[other.first : other.last + 1] = False
    if not usual.any():
        usual[begin:end] = ~np.isnan(series.values[begin:end])
    pool = np.flatnonzero(usual)
    compared = []
    for day in days:
        same = pool[series.weekdays[pool] == series.weekdays[day]]
        chosen = same if len(same) else pool
        compared.append({int(each): 1.0 / len(chosen) for each in chosen})
    return compared
