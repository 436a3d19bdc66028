"""Asks the statement of a type what it finds, as the evaluation does."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from costpulse_assets.alerts.active_alerts import ActiveAlert
from costpulse_assets.alerts.alert_types import ALERT_TYPES, Finding
from costpulse_assets.alerts.evaluate import find
from costpulse_assets.alerts.message import Message
from costpulse_assets.alerts.scopes import named
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database

LATER = datetime(2030, 1, 1, tzinfo=UTC)
LONG_AGO, LAST_DAY = date(2020, 1, 1), date(2029, 12, 31)


def alert(
    kind: str,
    scope: tuple[str, str] = ("everything", ""),
    threshold: str | None = None,
    *,
    number: int = 1,
    watches_from: date = LONG_AGO,
    **options: Any,
) -> ActiveAlert:
    """An alert of a type; what is not given is as usual there."""
    declared = ALERT_TYPES[kind]
    assert scope[0] in declared.scopes
    assert declared.threshold is not None
    return ActiveAlert(
        id=number,
        name=f"alert {number}",
        alert_type=kind,
        scope_type=scope[0],
        scope_id=scope[1],
        scope_name="",
        threshold_value=declared.threshold.default if threshold is None else Decimal(threshold),
        notification_channels=(),
        cooldown_minutes=0,
        severity=declared.severity,
        owner=None,
        quiet_from=None,
        quiet_until=None,
        muted_until=None,
        watches_from=watches_from,
        options=declared.options(**options),
    )


@dataclass(frozen=True)
class Asker:
    """A database that is asked."""

    database: Database

    def __call__(
        self, *alerts: ActiveAlert, first: date = LONG_AGO, last: date = LAST_DAY, now: datetime = LATER
    ) -> list[Finding]:
        """Findings of alerts of one type; every one has the evidence that is declared, a message, and a key."""
        declared = ALERT_TYPES[alerts[0].alert_type]
        with self.database.transaction() as connection:
            batches = list(find(connection, declared, alerts, Period(first, last), now=now))
            findings = named(connection, [finding for batch in batches for finding in batch])
        for finding in findings:
            assert set(finding.evidence) == set(declared.evidence)
            assert first <= finding.occurred_on <= last
            said(finding)
        assert len({finding.key for finding in findings}) == len(findings)
        return findings

    def one(self, *alerts: ActiveAlert, **more: Any) -> Finding:
        """The only finding."""
        (finding,) = self(*alerts, **more)
        return finding

    def execute(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """One statement in a transaction of its own."""
        with self.database.transaction() as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []


def said(finding: Finding) -> Message:
    """What its type says of it; each type has evidence of its own."""
    (declared,) = (each for each in ALERT_TYPES.values() if set(each.evidence) == set(finding.evidence))
    return declared.message(finding)


def figures(finding: Finding) -> dict[str, str]:
    """The figures of its message by their labels."""
    return {figure.label: figure.text for figure in said(finding).figures}


def told(findings: list[Finding]) -> list[tuple[str, int, date]]:
    """What happened when, in the order of days."""
    return [(finding.phase, finding.reminder, finding.occurred_on) for finding in findings]


def query_of(finding: Finding) -> tuple[str, dict[str, list[str]]]:
    """Page and parameters of the view that its message opens."""
    parts = urlsplit(said(finding).view)
    return parts.path, parse_qs(parts.query)
