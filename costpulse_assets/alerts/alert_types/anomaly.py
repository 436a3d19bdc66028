"""Events that were not normal: what the detector found, once when it begins and once when it is over."""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import Field

from costpulse_assets.alerts import words
from costpulse_assets.alerts.alert_types import parts
from costpulse_assets.alerts.alert_types.declaration import AlertOptions, AlertType, Finding, Threshold
from costpulse_assets.alerts.alert_types.evidence import causes, days, whose
from costpulse_assets.alerts.message import Figure, Message, Severity


class Options(AlertOptions):
    """Which events."""

    minimum_severity: Literal["medium", "high", "critical"] = Field(
        "high", title="From severity", description="Severity of the event from which it is told."
    )
    directions: tuple[Literal["up", "down"], ...] = Field(
        ("up", "down"), min_length=1, title="Directions", description="up: more than expected; down: cost is missing."
    )


_BACK = "Cost is back to what was expected."
_NEW_LEVEL = "It is over: cost is back, or later days are compared with the new level."
#: What follows an event that is over, by its kind.
_AFTER = {
    **dict.fromkeys(("spike", "burst", "outage", "drop"), _BACK),
    **dict.fromkeys(("level shift", "drift"), _NEW_LEVEL),
    "new source": "Its first week is over: later days are compared with these.",
}
_SEVERITIES: dict[str, Severity] = {"medium": "info", "high": "warning", "critical": "critical"}


def _message(finding: Finding) -> Message:
    event = finding.evidence
    actual, expected = finding.current_value or Decimal(0), finding.expected_value or Decimal(0)
    first, last = date.fromisoformat(event["start_date"]), date.fromisoformat(event["last_date"])
    length = (last - first).days + 1
    difference = f"{words.usd(abs(actual - expected))} {'more' if actual >= expected else 'less'} than expected"
    when = f"on {words.day(first)}" if length == 1 else f"from {days(first, last)}"
    text = (
        f"{whose(finding)} cost {words.usd(actual)} {when}, {difference}: by the same weekdays of the four weeks "
        f"before, {words.usd(expected)} was expected."
    )
    if finding.phase == "ended":
        title, text = _end(finding, difference, text)
    else:
        since = when if event["end_date"] else f"since {words.day(first)}"
        title = f"{event['kind'].capitalize()}: {whose(finding)} cost {difference} {since}"
        text += f" {_AFTER[event['kind']]}" if event["end_date"] else ""
    return Message(
        title=title,
        text=text,
        severity="info" if finding.phase == "ended" else _SEVERITIES[event["severity"]],
        figures=(
            Figure(label="Cost", text=words.usd(actual)),
            Figure(label="Expected", text=words.usd(expected)),
            Figure(label="Difference", text=words.signed_usd(actual - expected)),
            Figure(label="Days", text=f"{length}"),
            Figure(label="Severity of the event", text=event["severity"]),
        ),
        causes=causes(event["causes"]),
        series=parts.small_chart(finding, "Cost by day", reference=expected / length),
        notes=("Some of these days are not final: it is too much already, and more may come.",)
        if event["is_provisional"]
        else (),
        view=parts.view("anomalies", id=str(event["anomaly"])),
    )


def _end(finding: Finding, difference: str, text: str) -> tuple[str, str]:
    event = finding.evidence
    called = f"{event['kind']} of {whose(finding)}"
    if event["resolution"] == "no longer there":
        return f"No longer there: {called}", f"After a correction its days are not unusual any more. {text}"
    if event["status"] in ("expected", "resolved"):
        said = "It is expected" if event["status"] == "expected" else f"It was resolved as {event['resolution']}"
        return f"Closed: {called}, {difference}", f"{said}{': ' + event['reason'] if event['reason'] else '.'} {text}"
    return f"Over: {called}, {difference} in all", f"{text} {_AFTER[event['kind']]}"


ALERT_TYPE = AlertType(
    name="anomaly",
    title="Anomaly",
    fires=(
        "The detector recognised an event that is shown on the page Anomalies, at least as severe as minimum_severity, "
        "in one of the directions, and at least threshold_value USD off what was expected. In a scope, at least half "
        "of the difference must lie there."
    ),
    silent=(
        "The event is shown under a larger one that explains it; somebody expects it, or resolved it as anything but "
        "fixed; it was recognised before the alert began to watch."
    ),
    once="Each event once, and once more when it is over, was closed, or is gone after a correction of the bill.",
    scopes=("everything", "team", "workspace", "product", "sku", "job", "warehouse", "cluster"),
    severity="warning",
    value_unit="USD",
    message=_message,
    evidence={
        "anomaly": "number of the event",
        "kind": "spike, burst, outage, drop, level shift, drift or new source",
        "direction": "up or down",
        "severity": "of the event: medium, high or critical",
        "start_date": "its first day (UTC)",
        "last_date": "newest day that the amounts count",
        "end_date": "its last day; null: it goes on",
        "impact_usd": "cost less what was expected, in USD",
        "is_provisional": "whether days count that are not final",
        "status": "what people decided about the event",
        "resolution": "how it was resolved; null: it was not",
        "reason": "what they wrote",
        "owner": "who looks after it; null: nobody yet",
        "causes": "largest parts of the difference: kind, name, usd, note (new, gone, price, volume)",
        "series": "cost by day in USD, from two weeks before it",
    },
    threshold=Threshold("Least difference", "USD", Decimal(100), Decimal(0), Decimal(10) ** 12),
    options=Options,
)
