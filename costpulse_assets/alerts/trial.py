"""A test of an alert: the channels it would use, and a message to send there."""

from datetime import date

from costpulse_assets.alerts.active_alerts import usable
from costpulse_assets.alerts.alert_types import ALERT_TYPES, Finding
from costpulse_assets.alerts.message import Message
from costpulse_assets.alerts.routing import channels_of, default_channel, load_routes
from costpulse_assets.allocation.alerts import AlertDocument, StoredAlert
from costpulse_assets.allocation.budgets import UNALLOCATED
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, run
from costpulse_assets.settings import Settings


def channels_of_alert(connection: Connection, settings: Settings, stored: StoredAlert) -> tuple[str, ...]:
    """Where a finding of the alert's whole scope would go; empty: nowhere.

    Raises:
        BadInput: the alert cannot be evaluated, so it would never say anything.
    """
    document = stored.document
    kind = ALERT_TYPES.get(document.alert_type)
    if kind is None:
        raise _unusable(document, f"There is no type of alerts called {document.alert_type}.")
    is_of_team = document.scope_type == "team" and stored.scope_id != UNALLOCATED
    finding = Finding(
        alert_id=stored.id,
        scope_type=document.scope_type,
        scope_id=stored.scope_id,
        scope_name=document.scope,
        team_id=int(stored.scope_id) if is_of_team else None,
        subject="test",
        threshold=None,
        phase="firing",
        reminder=0,
        occurred_on=document.watches_from or date.min,
        current_value=None,
        expected_value=None,
        evidence={},
    )
    fields = document.model_dump() | {"id": stored.id, "scope_id": stored.scope_id, "scope_name": document.scope}
    try:
        alert = usable(kind, fields)
    except ValueError as error:
        raise _unusable(document, str(error)) from None
    return channels_of(
        alert, finding, load_routes(connection), default_channel(settings), has_mail=settings.smtp_url is not None
    )


def trial_message(connection: Connection, stored: StoredAlert) -> Message:
    """What the alert told last, or a few words if it never told anything; marked as a test."""
    for row in run(connection, "app/alert_newest_content", {"id": stored.id}):
        return Message.model_validate(row["content"]).model_copy(update={"is_test": True})
    document = stored.document
    kind = ALERT_TYPES.get(document.alert_type)
    return Message(
        title=f"Test of the alert {document.name}",
        text=f"{kind.title if kind else document.alert_type}: it has found nothing yet. Its messages will arrive here.",
        severity=document.severity or "warning",
        owner=document.owner,
        is_test=True,
    )


def _unusable(document: AlertDocument, problem: str) -> BadInput:
    return BadInput(f"{document.name} cannot be evaluated: {problem}", next_step="Correct the alert.")
