"""A budget is expected not to be enough."""

from decimal import Decimal

from pydantic import Field

from costpulse_assets.alerts.alert_types.declaration import AlertOptions, AlertType, Finding, Threshold
from costpulse_assets.alerts.alert_types.evidence import (
    budgets_view,
    causes,
    daily_series,
    days,
    iso_day,
    number,
    optional_iso_day,
    probability,
)
from costpulse_assets.alerts.message import Figure, Message
from costpulse_assets.alerts.words import day, percent, signed_usd, usd


class Options(AlertOptions):
    """Beside the threshold."""

    minimum_probability: Decimal = Field(
        default=Decimal("0.5"),
        ge=0,
        le=1,
        title="Least probability",
        description="How probable it must be that the period costs more than the budget: 0.5 is as probable as not.",
    )
    budget: str = Field(
        default="",
        max_length=80,
        title="Only this budget",
        description="Name of one budget; empty: all active budgets of the scope.",
    )


def _message(finding: Finding) -> Message:
    evidence = finding.evidence
    amount, spent, projected, share = (
        number(evidence[name]) for name in ("amount", "spent_usd", "projected_usd", "projected_percent")
    )
    lower, upper = number(evidence["lower_usd"]), number(evidence["upper_usd"])
    first, last = iso_day(evidence["period_start"]), iso_day(evidence["period_end"])
    when, over = finding.occurred_on, projected - amount
    figures = [
        Figure(label="Expected in the end", text=f"{usd(projected)} of {usd(amount)}, {percent(share)}"),
        Figure(label="Between", text=f"{usd(lower)} and {usd(upper)}"),
        Figure(label="Above the budget" if over > 0 else "Below the budget", text=signed_usd(over)),
        Figure(label="Probability above the budget", text=probability(evidence["probability"])),
        Figure(label="Spent so far", text=f"{usd(spent)}, {percent(number(evidence['used_percent']))}"),
        Figure(label="Period", text=days(first, last)),
    ]
    breach = optional_iso_day(evidence["breach_date"])
    if breach is not None:
        figures.insert(4, Figure(label="Probably exceeded from", text=day(breach)))
    return Message(
        title=f"Budget {evidence['budget']}: {usd(projected)} expected of {usd(amount)}, {percent(share)}",
        text=f"From what was final on {day(when)}, {days(first, last)} is expected to cost {usd(projected)}: "
        f"{percent(share)} of the budget of {usd(amount)}. {usd(spent)} of it were spent by then. This is told from "
        f"{percent(number(evidence['limit_percent']))} of the budget on.",
        severity="warning",
        figures=tuple(figures),
        causes=causes(evidence["causes"]),
        series=daily_series(evidence["series"], "Spent a day"),
        view=budgets_view(finding),
        owner=evidence["owner"],
    )


ALERT_TYPE = AlertType(
    name="projected_overspend",
    title="Projected overspend",
    fires=(
        "On the first last final day of a period from which a budget is expected to end at the threshold or above, and "
        "from which it is probable enough that it is exceeded. It watches all active budgets of its scope; of a team "
        "those of the teams below it as well; with the scope everything, every budget."
    ),
    silent=(
        "Nothing can be expected yet: forecasts start after 28 final days. The alert has no threshold, and the budget "
        "says never. A period that is over is no expectation any more."
    ),
    once="Once per budget and period, whatever is expected later.",
    scopes=("everything", "team", "workspace", "product", "tag"),
    severity="warning",
    value_unit="USD",
    message=_message,
    evidence={
        "budget": "name of the budget",
        "amount": "USD of the period",
        "period": "kind of period: month, quarter, year, custom",
        "period_start": "first day of the period (UTC)",
        "period_end": "last day of the period (UTC), included",
        "limit_percent": "percent of amount from which it is told",
        "limit_usd": "the same in USD",
        "spent_usd": "USD spent from the first day of the period to the day it is about",
        "used_percent": "spent_usd in percent of amount",
        "expected_from": "last final day (UTC) from which it was expected",
        "projected_usd": "USD that the period was expected to cost",
        "projected_percent": "the same in percent of amount",
        "lower_usd": "lower end of it",
        "upper_usd": "upper end of it",
        "probability": "how probable it was that the period would cost more than amount, 0 to 1",
        "breach_date": "day (UTC) from which that is more probable than not; null: none, or no longer kept",
        "owner": "owner of the budget",
        "recipients": "whom the budget names to be told",
        "causes": "the three largest products of the period so far, of a product its SKUs: kind, name, usd",
        "series": "final days of the period up to that day, at most 35: day and USD",
    },
    threshold=Threshold(
        label="Tell at, percent of the budget",
        unit="percent",
        default=None,
        minimum=Decimal(1),
        maximum=Decimal(500),
        otherwise="the budget's own threshold of what is projected",
    ),
    options=Options,
)
