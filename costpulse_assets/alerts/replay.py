"""What an alert would have said over the past days, before it is saved: the statement of its type over other days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from costpulse_assets.alerts.active_alerts import ActiveAlert, usable
from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertType, Finding
from costpulse_assets.alerts.evaluate import find
from costpulse_assets.alerts.message import Message
from costpulse_assets.alerts.recording import in_order, is_covered_by
from costpulse_assets.alerts.scopes import known_scopes, named
from costpulse_assets.allocation.alerts import AlertDocument
from costpulse_assets.allocation.budgets import UNALLOCATED
from costpulse_assets.errors import BadInput
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import Settings


@dataclass(frozen=True)
class Fired:
    """One message that there would have been.

    Attributes:
        day: UTC day on which it came true.
        title: of the message.
        value: the figure that is judged, in `Replay.unit`.
        threshold: the limit that was passed, where the alert has several.
        phase: firing, or ended: it is over.
        reminder: 0 the first time.
        scope_name: what it is about.
        message: the whole of it.
    """

    day: date
    title: str
    value: Decimal | None
    threshold: Decimal | None
    phase: Literal["firing", "ended"]
    reminder: int
    scope_name: str
    message: Message


@dataclass(frozen=True)
class Replay:
    """What an alert would have said.

    Attributes:
        days: UTC days that were looked at.
        fired: the messages, the oldest first; if it was evaluated every day, and nothing held them back.
        unit: of the values.
        reason: why the past cannot be asked; empty: it was.
    """

    days: Period
    fired: tuple[Fired, ...]
    unit: str
    reason: str = ""


def would_have_fired(
    database: Database,
    settings: Settings,
    draft: AlertDocument,
    *,
    days: int = 90,
    types: Mapping[str, AlertType] = ALERT_TYPES,
) -> Replay:
    """Runs the statement of its type over the past, and writes nothing.

    Args:
        database: the pipeline's or the app's.
        settings: the day that is today.
        draft: an alert, saved or not.
        days: how far back, today included.
        types: by name.

    Raises:
        BadInput: the draft is not one that could be evaluated.
        CostPulseError: the statement was refused.
    """
    today = settings.current_date()
    period = Period(today - timedelta(days=days - 1), today)
    kind = types.get(draft.alert_type)
    if kind is None:
        raise _not_possible(f"There is no type of alerts called {draft.alert_type}.")
    if kind.no_dry_run or not kind.has_statement:
        return Replay(period, (), kind.value_unit, kind.no_dry_run or "What it watches is not kept.")
    with database.transaction() as connection:
        connection.execute("set transaction read only")
        alert = _as_alert(connection, kind, draft, period.first)
        findings = [
            finding
            for batch in find(connection, kind, [alert], period, now=current_time(settings))
            for finding in named(connection, batch)
        ]
    fired = []
    for finding in sorted(_heard(findings), key=in_order):
        message = kind.message(finding)
        fired.append(
            Fired(
                day=finding.occurred_on,
                title=message.title,
                value=finding.current_value,
                threshold=finding.threshold,
                phase=finding.phase,
                reminder=finding.reminder,
                scope_name=finding.scope_name,
                message=message,
            )
        )
    return Replay(period, tuple(fired), kind.value_unit)


def _as_alert(connection: Connection, kind: AlertType, draft: AlertDocument, watches_from: date) -> ActiveAlert:
    scope = draft.scope_type, _scope_id(connection, draft)
    known = known_scopes(connection, [scope])[scope]
    if not known.is_there:
        raise _not_possible(f"There is no {draft.scope_type} {draft.scope}.")
    fields = draft.model_dump(exclude={"scope", "is_active", "watches_from"})
    fields |= {
        "id": 0,
        "scope_id": scope[1],
        "scope_name": known.name,
        "severity": draft.severity or kind.severity,
        "watches_from": watches_from,
    }
    try:
        return usable(kind, fields)
    except ValueError as error:
        raise _not_possible(str(error)) from None


def _scope_id(connection: Connection, draft: AlertDocument) -> str:
    """Documents call teams by their names."""
    if draft.scope_type != "team" or draft.scope == UNALLOCATED:
        return draft.scope
    ids = [
        row["id"] for row in run(connection, "app/names") if (row["dimension"], row["name"]) == ("team", draft.scope)
    ]
    return ids[0] if ids else ""


def _heard(findings: list[Finding]) -> list[Finding]:
    """Each once, without thresholds that a higher one covers on the day or before, and ends without a beginning."""
    findings = list({finding.key: finding for finding in sorted(findings, key=in_order, reverse=True)}.values())
    firing: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        if finding.phase == "firing":
            firing.setdefault(_subject(finding), []).append(finding)

    def is_heard(finding: Finding) -> bool:
        same = firing.get(_subject(finding), [])
        if finding.phase == "ended":
            return bool(same)
        return not any(
            is_covered_by(finding, other.reminder, other.threshold)
            for other in same
            if other.occurred_on <= finding.occurred_on
        )

    return [finding for finding in findings if is_heard(finding)]


def _subject(finding: Finding) -> tuple[str, str, str]:
    return finding.scope_type, finding.scope_id, finding.subject


def _not_possible(message: str) -> BadInput:
    return BadInput(message, next_step="Correct the alert and try again.")
