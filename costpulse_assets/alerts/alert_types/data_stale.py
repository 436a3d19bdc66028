"""A connection that has not delivered usage for too long."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from pydantic import Field

from costpulse_assets.alerts import words
from costpulse_assets.alerts.alert_types import parts
from costpulse_assets.alerts.alert_types.declaration import AlertOptions, AlertType, Finding, Threshold
from costpulse_assets.alerts.message import Figure, Message


class Options(AlertOptions):
    """How often."""

    reminder_hours: int = Field(
        24, ge=1, le=720, title="Remind after hours", description="While it lasts, it is told again so often."
    )


def _message(finding: Finding) -> Message:
    found = finding.evidence
    connection, sources = found["connection"], found["sources"]
    limit = _hours(finding.expected_value or Decimal(0))
    newest = words.day(date.fromisoformat(found["newest"])) if found["newest"] else "unknown"
    if finding.phase == "ended":
        title = f"Over: {connection} delivers usage again"
        text = f"The newest usage day is {newest}."
        if not found["is_read"]:
            title, text = f"Closed: {connection} is not read any more", "It was taken out of the settings."
        figures = (Figure(label="Newest usage day", text=newest),)
    else:
        age = _hours(finding.current_value or Decimal(0))
        no = "Still no" if finding.reminder else "No"
        title = f"{no} new usage from {connection}: the newest day is {newest}, {age} ago"
        text = (
            f"The newest day with usage from {connection} is {newest}; it began {age} ago, more than {limit}. What was "
            "used since is missing everywhere, and other alerts cannot see it."
        )
        if found["problem"]:
            text += f" {', '.join(sources)} could not be read: {found['problem']} Next step: {found['next_step']}"
        else:
            text += " Reading it raised no error: the source itself has nothing newer."
        figures = (
            Figure(label="Newest usage day", text=newest),
            Figure(label="Age", text=age),
            Figure(label="Limit", text=limit),
            *((Figure(label="Not read", text=", ".join(sources)),) if sources else ()),
        )
    return Message(
        title=title,
        text=text,
        severity="info" if finding.phase == "ended" else "warning",
        figures=figures,
        view=parts.view(""),
    )


def _hours(value: Decimal) -> str:
    return parts.count(int(value.quantize(Decimal(1), ROUND_HALF_UP)), "hour")


ALERT_TYPE = AlertType(
    name="data_stale",
    title="Data is stale",
    fires=(
        "The newest usage day of a connection began more than threshold_value hours ago: of the bill, or of the tables "
        "of its region, whichever is older. Where nothing runs at weekends, the limit must be longer than a weekend."
    ),
    silent=(
        "The connection never delivered anything (the run fails, which pipeline_failed tells), or was not read for a "
        "week while others were: it was taken out of the settings. One table of several that stands still."
    ),
    once="Once for each connection, again each reminder_hours while it lasts, and once when it delivers again.",
    scopes=("everything",),
    severity="warning",
    value_unit="hours",
    message=_message,
    evidence={
        "connection": "name of the connection, which reads a region",
        "newest": "newest usage day (UTC) that it delivered; null: it is not read any more",
        "is_read": "whether it is still read",
        "attempted_at": "when it was read last",
        "sources": "tables whose last reading did not go through",
        "problem": "what went wrong with the last of them; null: nothing",
        "next_step": "what to do about it",
    },
    threshold=Threshold("Oldest newest usage", "hours", Decimal(48), Decimal(24), Decimal(8760)),
    options=Options,
    watched_by="clock",
    no_dry_run="When the usage of a region arrived is not kept: only whether it is there now.",
)
