"""Something was booked on a month that people believe to be settled."""

from decimal import Decimal

from costpulse_assets.alerts.alert_types.declaration import AlertType, Finding, Threshold
from costpulse_assets.alerts.alert_types.evidence import causes, daily_series, iso_day, number, whose
from costpulse_assets.alerts.message import Figure, Message
from costpulse_assets.alerts.words import day, signed_usd, usd

_REASONS = {
    "restatement_usd": "Restated usage",
    "price_usd": "Changed prices",
    "rule_usd": "Moved between teams by rules",
}


def _message(finding: Finding) -> Message:
    evidence = finding.evidence
    adjusted, before, after = (number(evidence[name]) for name in ("adjusted_usd", "before_usd", "after_usd"))
    month, booked_month = iso_day(evidence["month"]), iso_day(evidence["booked_month"])
    reasons = {label: number(evidence[name]) for name, label in _REASONS.items()}
    return Message(
        title=f"{whose(finding)}: {signed_usd(adjusted)} on {month:%B %Y}, which is closed",
        text=f"On {day(finding.occurred_on)}, {signed_usd(adjusted)} were booked for usage of {month:%B %Y}, on the "
        f"statement of {booked_month:%B %Y}. The closed statement itself does not change; with its adjustments the "
        f"month went from {usd(before)} to {usd(after)}.",
        severity="info",
        figures=(
            Figure(label="Booked", text=signed_usd(adjusted)),
            Figure(label=f"{month:%B %Y} now", text=usd(after)),
            *(Figure(label=label, text=signed_usd(amount)) for label, amount in reasons.items() if amount),
        ),
        causes=causes(evidence["causes"]),
        series=daily_series(evidence["series"], "Booked per day of usage"),
        view=f"/allocation?tab=statement&month={month:%Y-%m}",
    )


ALERT_TYPE = AlertType(
    name="closed_month_adjusted",
    title="Closed month adjusted",
    fires=(
        "On a day, adjustments were booked for usage of a closed month that add up to the threshold or more, up or "
        "down. It is told once the day is over (UTC), as more may be booked while it lasts."
    ),
    silent=(
        "What moved between teams adds up to nothing for the whole account: watch a team to be told. Adjustments that "
        "were void by the end of the day, because the month was reopened. A quantity without a price."
    ),
    once="Once per closed month and day of booking.",
    scopes=("everything", "team", "workspace", "product", "sku"),
    severity="info",
    value_unit="USD",
    message=_message,
    evidence={
        "month": "first day of the closed month",
        "booked_on": "day it was booked on (UTC)",
        "booked_month": "first day of the month on whose statement it is",
        "adjusted_usd": "USD that were booked; below zero: a credit",
        "before_usd": "USD that the month stood at before, adjustments included",
        "after_usd": "before_usd and adjusted_usd",
        "restatement_usd": "USD of it from usage that the source changed",
        "price_usd": "USD of it from changed prices",
        "rule_usd": "USD of it that moved between teams by changed rules",
        "causes": "the three largest parts of it, up or down: of everything its teams, else SKUs: kind, name, usd",
        "series": "days of usage that were adjusted, and by how many USD",
    },
    threshold=Threshold(
        label="From this sum on, up or down",
        unit="USD",
        default=Decimal(1),
        minimum=Decimal(0),
        maximum=Decimal(10) ** 12,
    ),
)
