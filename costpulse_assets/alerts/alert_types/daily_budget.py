"""A day that cost more than one may."""

from decimal import Decimal

from costpulse_assets.alerts.alert_types.declaration import AlertType, Finding, Threshold
from costpulse_assets.alerts.alert_types.evidence import causes, daily_series, explorer_view, number, whose
from costpulse_assets.alerts.message import Figure, Message
from costpulse_assets.alerts.words import day, signed_usd, usd


def _message(finding: Finding) -> Message:
    evidence = finding.evidence
    cost, limit, over = (number(evidence[name]) for name in ("cost_usd", "limit_usd", "over_usd"))
    when = finding.occurred_on
    return Message(
        title=f"{whose(finding)}: {usd(cost)} on {day(when)}, above {usd(limit)} a day",
        text=f"{day(when)} cost {usd(cost)}: {usd(over)} more than the daily limit of {usd(limit)}. The day is final.",
        severity="warning",
        figures=(
            Figure(label="Cost of the day", text=usd(cost)),
            Figure(label="Daily limit", text=usd(limit)),
            Figure(label="Above the limit", text=signed_usd(over)),
        ),
        causes=causes(evidence["causes"]),
        series=daily_series(evidence["series"], "Cost a day", reference=limit),
        view=explorer_view(finding, when, when, by="product"),
    )


ALERT_TYPE = AlertType(
    name="daily_budget",
    title="Daily budget",
    fires="A day that is final cost more than the limit.",
    silent=(
        "The day is not final yet: it is judged when all of its usage is in. A day that cost exactly the limit. "
        "Usage without a price costs nothing here."
    ),
    once="Once per day; a day has no end that could be told.",
    scopes=("everything", "team", "workspace", "product", "sku", "job", "warehouse", "cluster", "tag"),
    severity="warning",
    value_unit="USD",
    message=_message,
    evidence={
        "day": "the day (UTC)",
        "cost_usd": "USD that it cost",
        "limit_usd": "USD that it may cost",
        "over_usd": "USD above the limit",
        "teams": "ids of the team and the teams below it; null for other scopes",
        "causes": "the three largest parts of the day: kind, name, usd; of one job, warehouse or cluster its SKUs",
        "series": "final days up to this one, four weeks: day and USD",
    },
    threshold=Threshold(
        label="Most that a day may cost",
        unit="USD",
        default=None,
        minimum=Decimal(0),
        maximum=Decimal(10) ** 12,
    ),
)
