"""What was found becomes history and messages: each finding once, whoever finds it, however often."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

import psycopg

from costpulse_assets.alerts.active_alerts import ActiveAlert
from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertType, Finding
from costpulse_assets.alerts.message import Message
from costpulse_assets.alerts.routing import channels_of, default_channel, load_routes
from costpulse_assets.resources.database import Connection, run
from costpulse_assets.resources.database_errors import classify_database_error
from costpulse_assets.settings import Settings

#: What is told depends on what was told before: one at a time writes.
ALERTS_LOCK = 7_205_741_004

#: Findings that are written at once.
_PART = 200

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: What a cooldown is about: an alert and a scope, by type and id.
_Scope = tuple[int, str, str]
#: What has thresholds, reminders and an end: a period or an event of it.
_Subject = tuple[int, str, str, str]
#: A finding, what is said about it, and to which channels.
_Written = tuple[Finding, Message, tuple[str, ...]]


@dataclass(frozen=True)
class Failure:
    """Why an alert could not be evaluated or told, and what to do about it."""

    problem: str
    next_step: str

    @classmethod
    def of_database(cls, error: psycopg.Error, doing: str) -> "Failure":
        """Of a statement that the database refused."""
        named = classify_database_error(error, doing=doing)
        return cls(named.message, named.next_step)

    @classmethod
    def of_code(cls, error: Exception, doing: str) -> "Failure":
        """Of a type that did not expect what it got."""
        return cls(
            f"CostPulse could not {doing}: {type(error).__name__}: {error}.",
            "Report this line together with the type and the options of the alert.",
        )


@dataclass(frozen=True)
class Recorded:
    """What became of findings that were not known before.

    Attributes:
        told, covered, muted, shown: how many have this status, see alert_history.
        failures: by id of the alert: some of its findings were not written down, and will be found again.
    """

    told: int = 0
    covered: int = 0
    muted: int = 0
    shown: int = 0
    failures: Mapping[int, Failure] = field(default_factory=dict)


def record(
    connection: Connection,
    settings: Settings,
    alerts: Iterable[ActiveAlert],
    findings: Iterable[Finding],
    *,
    now: datetime,
    types: Mapping[str, AlertType] = ALERT_TYPES,
) -> Recorded:
    """Writes findings that nobody recorded before into the history, and their messages into the outbox.

    Of several thresholds of one subject the highest is told and the others are covered by it; of several reminders the
    last is recorded. A message waits until the cooldown since the last one of its alert and scope is over, and, if it
    is not critical, until the quiet hours are. An end is told to whom the beginning was told; without a beginning it is
    not recorded.

    Args:
        connection: with an open transaction, the caller's; nobody else records until it ends.
        settings: where to when there is no route.
        alerts: those that the findings are of, at least.
        findings: any, in any order, known ones too.
        now: the present moment.
        types: the types of the alerts.

    Returns:
        Counts of what is new, and the alerts of which something could not be written.
    """
    connection.execute("select pg_advisory_xact_lock(%s)", [ALERTS_LOCK])
    by_id = {alert.id: alert for alert in alerts}
    new = _not_known(connection, findings)
    if not new:
        return Recorded()
    routes, default = load_routes(connection), default_channel(settings)
    failures: dict[int, Failure] = {}
    counts: Counter[str] = Counter()
    for part in _parts(new):
        written: list[_Written] = []
        for finding in sorted(part, key=in_order):
            alert = by_id[finding.alert_id]
            try:
                message = _message(types[alert.alert_type], alert, finding)
                written.append(
                    (
                        finding,
                        message,
                        channels_of(alert, finding, routes, default, has_mail=settings.smtp_url is not None),
                    )
                )
            except Exception as error:  # whatever a type does wrong concerns its alert alone
                failures.setdefault(alert.id, Failure.of_code(error, "write its message"))
        statuses, refused = _write(connection, by_id, written, now)
        counts.update(statuses)
        for alert_id, refusal in refused:
            failures.setdefault(alert_id, Failure.of_database(refusal, "write down what was found"))
    return Recorded(counts["told"], counts["covered"], counts["muted"], counts["shown"], failures)


def run_apart(
    connection: Connection, items: Sequence[_Item], do: Callable[[Sequence[_Item]], list[_Result]]
) -> tuple[list[_Result], list[tuple[_Item, psycopg.Error]]]:
    """Does something with all items at once; if the database refuses, with parts of them, down to those it refuses.

    Args:
        connection: with an open transaction, of which nothing but the refused parts is undone.
        items: to be done.
        do: does it in the transaction.

    Returns:
        What was done, and the items that were refused alone. A statement that was cancelled because it took too long
        is not tried again with less.

    Raises:
        psycopg.Error: the connection is lost.
    """
    if not items:
        return [], []
    try:
        with connection.transaction():
            return do(items), []
    except psycopg.Error as error:
        if connection.broken or connection.closed:
            raise
        if len(items) == 1 or isinstance(error, psycopg.errors.QueryCanceled):
            return [], [(item, error) for item in items]
    middle = len(items) // 2
    halves = [run_apart(connection, half, do) for half in (items[:middle], items[middle:])]
    return [done for results, _ in halves for done in results], [each for _, refused in halves for each in refused]


def exact_json(value: Any) -> str:
    """JSON in which a Decimal is a number with all its digits."""
    match value:
        case str() | int() | float() | None:
            return json.dumps(value)
        case Decimal():
            return f"{value:f}"
        case Mapping():
            return "{" + ", ".join(f"{json.dumps(str(name))}: {exact_json(each)}" for name, each in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(exact_json, value)) + "]"
        case date():
            return json.dumps(value.isoformat())
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def in_order(finding: Finding) -> tuple[date, bool, int, Decimal]:
    """As it happened: what begins and ends on a day begins first."""
    return finding.occurred_on, finding.phase == "ended", finding.reminder, finding.threshold or Decimal(0)


def is_covered_by(finding: Finding, reminder: int, threshold: Decimal | None) -> bool:
    """Whether a firing finding says no more than another one of its subject: a higher threshold, a later reminder."""
    if (finding.threshold is None) != (threshold is None):
        return False
    higher, later = (threshold or 0) - (finding.threshold or 0), reminder - finding.reminder
    return min(higher, later) >= 0 and max(higher, later) > 0


def _not_known(connection: Connection, findings: Iterable[Finding]) -> list[Finding]:
    by_key = {finding.key: finding for finding in findings}
    known = {row["finding_key"] for row in run(connection, "transform/findings_known", {"finding_keys": [*by_key]})}
    return [finding for key, finding in by_key.items() if key not in known]


def _message(kind: AlertType, alert: ActiveAlert, finding: Finding) -> Message:
    message = kind.message(finding)
    given = {"owner": alert.owner or finding.evidence.get("owner") or message.owner}
    # How much an alert matters is for people to say; that something is over may be said in a lower voice.
    return message.model_copy(update=given | ({"severity": alert.severity} if finding.phase == "firing" else {}))


def _parts(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    """All findings of some alerts at a time: what is written of them takes more memory than they do."""
    part: list[Finding] = []
    for _, of_alert in groupby(sorted(findings, key=attrgetter("alert_id")), key=attrgetter("alert_id")):
        part += of_alert
        if len(part) >= _PART:
            yield part
            part = []
    if part:
        yield part


def _write(
    connection: Connection, alerts: Mapping[int, ActiveAlert], written: Sequence[_Written], now: datetime
) -> tuple[list[str], list[tuple[int, psycopg.Error]]]:
    """The statuses of what is new now, and the alerts of which the database refused something."""
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in _rows(connection, alerts, written, now):
        rows.setdefault(row["alert_id"], []).append(row)

    def write(of_alerts: Sequence[int]) -> list[str]:
        wanted = [row for alert_id in of_alerts for row in rows[alert_id]]
        done = run(connection, "transform/findings_record", {"findings": exact_json(wanted), "now": now})
        return [row["status"] for row in done]

    done = run_apart(connection, list(rows), write)
    run(connection, "transform/findings_ended", _subjects(written))
    return done


def _rows(
    connection: Connection, alerts: Mapping[int, ActiveAlert], written: Sequence[_Written], now: datetime
) -> Iterator[dict[str, Any]]:
    """What is written down, in the order in which it happened."""
    subjects = _subjects(written)
    before: dict[_Subject, list[tuple[int, Decimal | None, str]]] = {}
    for row in run(connection, "transform/findings_before", subjects):
        subject = (row["alert_id"], row["scope_type"], row["scope_id"], row["subject"])
        before.setdefault(subject, []).append((row["reminder"], row["threshold"], row["status"]))
    last_due: dict[_Scope, datetime] = {
        (row["alert_id"], row["scope_type"], row["scope_id"]): row["last_due_at"]
        for row in run(connection, "transform/messages_before", subjects)
    }
    passed = {subject: [(reminder, threshold) for reminder, threshold, _ in rows] for subject, rows in before.items()}
    for finding, *_ in written:
        if finding.phase == "firing":
            passed.setdefault(_subject(finding), []).append((finding.reminder, finding.threshold))
    for finding, message, channels in written:
        alert, subject = alerts[finding.alert_id], _subject(finding)
        earlier = before.setdefault(subject, [])
        if finding.phase == "ended":
            if not earlier:
                continue
            heard = {status for *_, status in earlier}
            status = next((each for each in ("told", "muted") if each in heard), "shown")
        elif any(is_covered_by(finding, *limit) for limit in passed[subject]):
            if finding.threshold is None:
                # A reminder that a later one takes the place of says nothing that the history should keep.
                continue
            status = "covered"
        else:
            status = "told"
        if status == "told" and alert.muted_until is not None and alert.muted_until > now:
            status = "muted"
        if status == "told" and not channels:
            status = "shown"
        due_at, held_for = now, None
        if status == "told":
            scope = subject[:3]
            due_at, held_for = _due(alert, now, last_due.get(scope))
            last_due[scope] = max(due_at, last_due.get(scope, due_at))
        if finding.phase == "firing":
            earlier.append((finding.reminder, finding.threshold, status))
        columns = ("alert_id", "scope_type", "scope_id", "scope_name", "team_id", "subject", "threshold", "phase")
        more = ("reminder", "occurred_on", "current_value", "expected_value", "evidence")
        yield {name: getattr(finding, name) for name in columns + more} | {
            "finding_key": finding.key,
            "alert_type": alert.alert_type,
            "severity": alert.severity,
            "content": message.model_dump(mode="json"),
            "message": message.title,
            "status": status,
            "channels": channels if status == "told" else (),
            "due_at": due_at,
            "held_for": held_for,
        }


def _due(alert: ActiveAlert, now: datetime, last_due: datetime | None) -> tuple[datetime, str | None]:
    """When a message is due, and what it waits for."""
    due_at, held_for = now, None
    if alert.cooldown_minutes and last_due is not None:
        rested = last_due + timedelta(minutes=alert.cooldown_minutes)
        if rested > now:
            due_at, held_for = rested, "cooldown"
    if alert.severity != "critical":
        waking = _end_of_quiet_hours(alert, due_at)
        if waking is not None:
            due_at, held_for = waking, "quiet hours"
    return due_at, held_for


def _end_of_quiet_hours(alert: ActiveAlert, at: datetime) -> datetime | None:
    """When the quiet hours end that a moment lies in; None: it lies in none."""
    if alert.quiet_from is None or alert.quiet_until is None:
        return None
    at = at.astimezone(UTC)
    end = datetime.combine(at.date(), alert.quiet_until, UTC)
    begin = datetime.combine(at.date(), alert.quiet_from, UTC)
    if begin < end:
        return end if begin <= at < end else None
    if at < end:
        return end
    return end + timedelta(days=1) if at >= begin else None


def _subject(finding: Finding) -> _Subject:
    return finding.alert_id, finding.scope_type, finding.scope_id, finding.subject


def _subjects(written: Iterable[_Written]) -> dict[str, list[Any]]:
    """The subjects as parameters of a statement."""
    subjects = sorted({_subject(finding) for finding, *_ in written})
    names = ("alert_ids", "scope_types", "scope_ids", "subjects")
    return {name: [subject[place] for subject in subjects] for place, name in enumerate(names)}
