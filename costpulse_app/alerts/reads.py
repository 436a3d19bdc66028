"""What the page Alerts reads: little, and at every rerun, as messages are on their way while it is looked at.

`scope` narrows the findings that are seen; messages and routes are for who sees everything.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from psycopg.rows import dict_row

from costpulse_app import db, people
from costpulse_assets.alerts.message import Message, Severity
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.resources.sql_files import load_sql

#: Days that the history lists, that figures are about, and how many rows are listed at most.
HISTORY_DAYS, FIGURE_DAYS, MOST = 90, 30, 500
#: A message that was due so long ago and still waits: nobody delivers.
_OVERDUE = timedelta(minutes=10)


@dataclass(frozen=True)
class Alert:
    """An alert as people typed it, how it was evaluated last, and what it found in 30 days.

    Attributes:
        scope: as documents have it: teams by name, everything else by id.
        options: those that were typed; numbers exact.
        outcome: of the last evaluation, see costpulse.alert_evaluations; None: it was not evaluated yet.
        fired: findings of 30 days, their ends not counted; fired_muted: those of them that were told to nobody.
    """

    id: int
    version: int
    name: str
    alert_type: str
    threshold_value: Decimal | None
    notification_channels: tuple[str, ...]
    cooldown_minutes: int
    is_active: bool
    scope_type: str
    scope_id: str
    scope: str
    options: Mapping[str, Any]
    severity: Severity
    owner: str | None
    quiet_from: time | None
    quiet_until: time | None
    muted_until: datetime | None
    watches_from: date
    evaluated_at: datetime | None
    outcome: str | None
    problem: str | None
    next_step: str | None
    last_fired_at: datetime | None
    fired: int
    fired_muted: int

    def is_muted(self, now: datetime) -> bool:
        """Whether its findings are told to nobody."""
        return self.muted_until is not None and self.muted_until > now

    @property
    def is_failed(self) -> bool:
        """Whether its last evaluation found out nothing."""
        return self.is_active and self.problem is not None


@dataclass(frozen=True)
class Summary:
    """Messages of findings: what became of those of 30 days, and the problems that nobody looks after yet."""

    delivered: int
    settled: int
    waiting: int
    refused: int
    failed: int
    unknown: int
    overdue: int

    @property
    def problems(self) -> int:
        """Messages that did not arrive, or may not have."""
        return self.refused + self.failed + self.unknown


@dataclass(frozen=True)
class Line:
    """A finding and one of its messages; without a message (message_id None) it was told to nobody.

    `found` counts all lines that match, listed or not.
    """

    id: int
    alert_id: int
    alert_name: str
    alert_type: str
    triggered_at: datetime
    status: str
    current_value: Decimal | None
    threshold: Decimal | None
    message: str
    severity: Severity
    phase: str
    reminder: int
    occurred_on: date
    scope_type: str
    scope_name: str
    ended_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    message_id: int | None
    channel: str | None
    state: str | None
    due_at: datetime | None
    held_for: str | None
    attempts: int | None
    delivered_at: datetime | None
    settled_at: datetime | None
    answer: str | None
    bundle_id: int | None
    found: int


@dataclass(frozen=True)
class Finding:
    """The whole message of a finding, and the figures it rests on by name."""

    content: Message
    evidence: Mapping[str, Any]
    finding_key: str


@dataclass(frozen=True)
class LastMessage:
    """What became of the newest message to a channel, and counts of 30 days; tests are counted too."""

    channel: str
    purpose: str
    state: str
    answer: str | None
    attempts: int
    at: datetime
    delivered: int
    not_delivered: int


@dataclass(frozen=True)
class OnItsWay:
    """Where one message is."""

    state: str
    answer: str | None
    attempts: int
    due_at: datetime
    channel: str


def now() -> datetime:
    """The present moment, by which alerts are muted and messages are due."""
    return datetime.now(UTC)


def alerts() -> list[Alert]:
    """All of them, by name."""
    rows = _read("app/alert_page_alerts", {"since": _since(FIGURE_DAYS)})
    for row in rows:
        row["options"] = json.loads(row["options"], parse_float=Decimal)
        row["notification_channels"] = tuple(row["notification_channels"])
    return [Alert(**row) for row in rows]


def summary() -> Summary:
    """See `Summary`."""
    parameters = {"first": _since(HISTORY_DAYS), "since": _since(FIGURE_DAYS), "overdue": now() - _OVERDUE}
    (row,) = _read("app/alert_page_summary", parameters)
    return Summary(**row)


def history(status: str = "all", alert: int | None = None) -> list[Line]:
    """The newest lines of 90 days; status is one of `state.STATUSES`."""
    return _lines(status, alert, None)


def finding(number: int) -> tuple[Finding, list[Line]] | None:
    """A finding with its messages, however old; None where it is not there, or not to be seen."""
    rows = _read("app/alert_page_finding", {"id": number})
    lines = _lines("all", None, number)
    if not rows or not lines:
        return None
    (row,) = rows
    evidence = json.loads(row["evidence"], parse_float=Decimal)
    return Finding(Message.model_validate_json(row["content"]), evidence, row["finding_key"]), lines


def last_messages() -> dict[str, LastMessage]:
    """By channel: what became of the newest message."""
    rows = _read("app/alert_page_channels", {"since": _since(FIGURE_DAYS)})
    return {row["channel"]: LastMessage(**row) for row in rows}


def message(number: int) -> OnItsWay | None:
    """Where one message is now."""
    rows = _read("app/alert_page_message", {"id": number})
    return OnItsWay(**rows[0]) if rows else None


def route_last_change(number: int) -> tuple[str, datetime] | None:
    """Who made or took away a route last, and when."""
    rows = _read("app/alert_route_last_change", {"id": number})
    return (rows[0]["actor"], rows[0]["changed_at"]) if rows else None


def signing_key() -> bytes | None:
    """What links in messages are signed with; None: none was ever made."""
    rows = _read("transform/outbox_signing_key", {"purpose": "links"})
    return bytes(rows[0]["key"]) if rows else None


def _lines(status: str, alert: int | None, number: int | None) -> list[Line]:
    parameters = {"id": number, "alert": alert, "status": status, "first": _since(HISTORY_DAYS), "most": MOST}
    return [Line(**row) for row in _read("app/alert_page_history", parameters)]


def _since(days: int) -> datetime:
    # Findings are of the day that is pretended, where one is.
    return min(now(), current_time(db.settings())) - timedelta(days=days)


def _read(statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()
