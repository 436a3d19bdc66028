"""What events, scopes, causes and decisions are called."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from costpulse_app import formats, queries
from costpulse_app.anomalies.reads import UNALLOCATED, Cause, Decision, Event
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import DIMENSIONS, NAMED_BY_COLLECTION, NONE

EVERYTHING = "Whole account"
#: Kinds of scope, as filters and tables name them.
SCOPES = {
    "everything": EVERYTHING,
    **{name: DIMENSIONS[name].label for name in ("workspace", "product", "team", "sku", "job", "warehouse", "cluster")},
}
#: Worst first. Shape and word carry it; colour only supports them.
SEVERITIES = {"critical": "Critical", "high": "High", "medium": "Medium"}
SHAPES = {"critical": ":material/diamond:", "high": ":material/change_history:", "medium": ":material/circle:"}
COLOURS: Mapping[str, Literal["red", "orange", "yellow"]] = {"critical": "red", "high": "orange", "medium": "yellow"}
STATUSES = {"open": "Open", "acknowledged": "Acknowledged", "expected": "Expected", "resolved": "Resolved"}
RESOLUTIONS = {
    "fixed": "Fixed: the cause is gone",
    "expected": "Expected: it was planned",
    "too small": "Too small to look at",
    "data fault": "Data fault: the bill or the collection was wrong",
    "not an anomaly": "Not an anomaly: it was normal",
    "no longer there": "No longer there: the days are not unusual any more",
}

#: From what says most about a cause to what says least.
_MOST_SPECIFIC = ("job", "pipeline", "endpoint", "warehouse", "cluster", "sku", "user", "product", "team", "workspace")
#: A part of the difference that is worth naming on a card, and how many of them.
_WORTH_NAMING, _NAMED = 0.05, 3


@dataclass(frozen=True)
class ScopeNames:
    """What the scopes of the events on a page are called."""

    names: Mapping[tuple[str, str], str]

    def __call__(self, scope_type: str, scope_id: str) -> str:
        """The name alone: nightly_load, or Whole account."""
        return self.names[scope_type, scope_id]

    def titled(self, event: Event) -> str:
        """Kind of scope and name: Job nightly_load."""
        name = self(event.scope_type, event.scope_id)
        return name if event.scope_type == "everything" else f"{SCOPES[event.scope_type]} {name}"


def scope_names(made: Frame, scopes: Iterable[tuple[str, str]]) -> ScopeNames:
    """Names of scopes, given as (type, id): different ids of a type have different names."""
    by_type: dict[str, list[str]] = {}
    for scope_type, scope_id in dict.fromkeys(scopes):
        by_type.setdefault(scope_type, []).append(scope_id)
    names: dict[tuple[str, str], str] = {}
    for scope_type, ids in by_type.items():
        if scope_type == "everything":
            names[scope_type, ""] = EVERYTHING
            continue
        found = (
            queries.resource_names(made.version, scope_type, tuple(sorted(ids)))
            if scope_type in NAMED_BY_COLLECTION
            else {}
        )
        called = made.names.all(scope_type, [(_group(one), found.get(one)) for one in ids])
        names |= {(scope_type, one): called[_group(one)] for one in ids}
    return ScopeNames(names)


def cause_name(made: Frame, cause: Cause) -> str:
    """What a cause is called; what names nothing is said to be so."""
    if cause.value_id is None:
        return f"All other {DIMENSIONS[cause.dimension].plural}"
    return made.names.one(cause.dimension, _group(cause.value_id), cause.name)


def best_dimension(event: Event, causes: Sequence[Cause]) -> str | None:
    """The dimension that says most about the cause: the most specific one that holds half of it in one value."""
    largest = {
        cause.dimension: cause.share or 0
        for cause in causes
        if cause.rank == 1 and cause.dimension != event.scope_type and (cause.share or 0) > 0
    }
    return min(
        largest,
        key=lambda name: (largest[name] < 0.5, _MOST_SPECIFIC.index(name) if largest[name] >= 0.5 else -largest[name]),
        default=None,
    )


def top_causes(event: Event, causes: Sequence[Cause]) -> list[Cause]:
    """The largest parts of the event, in the dimension that says most."""
    dimension = best_dimension(event, causes)
    worth = [cause for cause in causes if cause.dimension == dimension and cause.rank is not None]
    return [cause for cause in worth if (cause.share or 0) >= _WORTH_NAMING][:_NAMED]


def signed(amount: Decimal, currency: str) -> str:
    """A difference with its sign: +$2,120, -$300."""
    return f"{'+' if amount > 0 else ''}{formats.money(amount, currency)}"


def change(event: Event) -> str:
    """The difference as a share of what was expected; new where nothing was."""
    return formats.delta(event.actual_usd, event.expected_usd)


def kind(event: Event) -> str:
    """Spike, level shift, still going on."""
    return event.kind.capitalize()


def when(event: Event) -> str:
    """20 Nov 2026; 1-5 Nov 2026, 5 days; since 1 Nov 2026, 27 days."""
    length = formats.count(len(event.days), "day")
    if event.end_date is None:
        return f"Since {formats.day(event.start_date)}, {length}"
    return formats.days(event.days) if len(event.days) == 1 else f"{formats.days(event.days)}, {length}"


def status(event: Event) -> str:
    """The status with what belongs to it."""
    said = STATUSES[event.status]
    if event.status == "expected" and event.expected_until is not None:
        said += f" until {formats.day(event.expected_until)}"
    if event.status == "resolved" and event.resolution is not None:
        said += f": {event.resolution}"
    return said


def decision(one: Decision) -> str:
    """What somebody decided, as a sentence without its subject."""
    said = []
    if one.status != one.status_before:
        words = {
            "open": "opened it again",
            "acknowledged": "acknowledged it",
            "expected": "called it expected",
            "resolved": "resolved it",
        }[one.status]
        if one.status == "resolved" and one.resolution is not None:
            words += f" as {one.resolution}"
        if one.status == "expected" and one.expected_until is not None:
            words += f" until {formats.day(one.expected_until)}"
        said.append(words)
    if one.assigned_to != one.assigned_before:
        said.append(f"assigned it to {one.assigned_to}" if one.assigned_to else "took the assignment away")
    if not said:
        said.append("changed the decision")
    because = f": “{one.reason}”" if one.reason and one.reason != one.reason_before else ""
    return f"{' and '.join(said)}{because}"


def _group(scope_id: str) -> str:
    return NONE if scope_id in ("", UNALLOCATED) else scope_id
