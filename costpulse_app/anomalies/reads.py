"""What the page Anomalies reads. Not cached: a decision of anybody shows at once, and events are few."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import dict_row

from costpulse_app import people
from costpulse_assets.costs.spend import NONE, Selection
from costpulse_assets.periods import Period
from costpulse_assets.resources.sql_files import load_sql

#: What cost without a team is called in scopes and causes; the filters of the app say NONE.
UNALLOCATED = "unallocated"


@dataclass(frozen=True)
class Event:
    """One event; columns of costpulse.anomalies, and how many events are rolled up under it."""

    id: int
    scope_type: str
    scope_id: str
    kind: str
    direction: str
    start_date: date
    end_date: date | None
    last_date: date
    recognised_on: date
    is_provisional: bool
    severity: str
    actual_usd: Decimal
    expected_usd: Decimal
    impact_usd: Decimal
    parent_id: int | None
    status: str
    reason: str | None
    expected_until: date | None
    resolution: str | None
    assigned_to: str | None
    decided_by: str | None
    decided_at: datetime | None
    detected_at: datetime
    gone_at: datetime | None
    method: str
    sensitivity: float
    below: int

    @property
    def days(self) -> Period:
        """The days whose cost it counts."""
        return Period(self.start_date, self.last_date)

    @property
    def is_open(self) -> bool:
        """Nobody has said yet what it was."""
        return self.status in ("open", "acknowledged")

    @property
    def is_long(self) -> bool:
        """Still going on after more than a week."""
        return self.is_open and self.end_date is None and len(self.days) > 7


@dataclass(frozen=True)
class Cause:
    """Part of an event: one value of a dimension. value_id '' is cost that has none, None is all others together."""

    anomaly_id: int
    dimension: str
    value_id: str | None
    name: str | None
    actual_usd: Decimal
    expected_usd: Decimal
    difference_usd: Decimal
    share: Decimal | None
    price_effect_usd: Decimal
    volume_effect_usd: Decimal
    is_new: bool
    is_gone: bool
    rank: int | None
    is_main: bool


@dataclass(frozen=True)
class JudgedDay:
    """One day of an event's scope: USD for charts; expected and the range are None where nothing was known."""

    usage_date: date
    actual: float
    first_actual: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    severity: str | None
    is_provisional: bool


@dataclass(frozen=True)
class Decision:
    """One change of status or of who looks after an event."""

    changed_at: datetime
    actor: str
    status_before: str
    status: str
    reason_before: str | None
    reason: str | None
    resolution: str | None
    expected_until: date | None
    assigned_before: str | None
    assigned_to: str | None


@dataclass(frozen=True)
class Summary:
    """When anything was judged last, how many series, and what was decided in the last 90 days."""

    judged_at: datetime | None
    series: int | None
    open: int
    decided: int
    wrong: int


@dataclass(frozen=True)
class Taught:
    """Why a series is judged less sensitively."""

    scope_type: str
    scope_id: str
    factor: float
    minimum_impact_usd: Decimal | None
    reason: str


@dataclass(frozen=True)
class Score:
    """How well a method finds one class of events."""

    method: str
    event_class: str
    injected: int
    found: int
    mean_delay_days: float | None
    missed_usd: float
    false_alarms_per_week: float
    wanted_alarms_per_week: float
    suggested_sensitivity: float | None
    series: int
    first_date: date
    last_date: date
    computed_at: datetime


def events(period: Period, selection: Selection) -> list[Event]:
    """The events that are shown and have a day of the period, largest first; tags do not narrow them."""
    chosen = {dimension: [_value_id(dimension, group) for group in groups] for dimension, groups in selection.only}
    parameters = {"id": None, "first": period.first, "last": period.last, "chosen": json.dumps(chosen)}
    return [Event(**row) for row in _read("app/anomalies", parameters)]


def event(number: int) -> tuple[Event | None, list[Event]]:
    """An event, where it is there and may be seen, and those rolled up under it, largest first."""
    found = [
        Event(**row)
        for row in _read("app/anomalies", {"id": number, "first": None, "last": None, "chosen": json.dumps({})})
    ]
    return next((one for one in found if one.id == number), None), [one for one in found if one.id != number]


def causes(ids: Collection[int], *, ranks: int = 10) -> dict[int, list[Cause]]:
    """The causes of each event: of every dimension the largest, then what names nothing."""
    found: defaultdict[int, list[Cause]] = defaultdict(list)
    for row in _read("app/anomaly_causes", {"ids": list(ids), "ranks": ranks}):
        found[row["anomaly_id"]].append(Cause(**row))
    return found


def days(ids: Collection[int], *, before: int, after: int) -> dict[int, list[JudgedDay]]:
    """The days around each event, oldest first."""
    found: defaultdict[int, list[JudgedDay]] = defaultdict(list)
    for row in _read("app/anomaly_days", {"ids": list(ids), "days_before": before, "days_after": after}):
        found[row.pop("id")].append(JudgedDay(**row))
    return found


def history(number: int) -> list[Decision]:
    """What people decided about an event, oldest first."""
    return [Decision(**row) for row in _read("app/anomaly_history", {"id": number})]


def summary(now: datetime) -> Summary:
    """See `Summary`."""
    (row,) = _read("app/anomaly_summary", {"now": now})
    return Summary(**row)


def taught() -> list[Taught]:
    """The series about which people taught the detector something."""
    return [Taught(**row) for row in _read("app/anomaly_sensitivity")]


def scorecard() -> list[Score]:
    """The scores of every method, by class of event."""
    return [Score(**row) for row in _read("app/anomaly_scorecard")]


def filter_ids(scope_type: str, scope_id: str) -> tuple[str, ...]:
    """What a scope or a cause is to the filters of the app; a team counts the teams below it."""
    if scope_type == "team" and scope_id != UNALLOCATED:
        return tuple(row["team"] for row in _read("app/anomaly_team_ids", {"team": scope_id})) or (scope_id,)
    return (NONE,) if scope_id in ("", UNALLOCATED) else (scope_id,)


def _value_id(dimension: str, group: str) -> str:
    if group != NONE:
        return group
    return UNALLOCATED if dimension == "team" else ""


def _read(statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()
