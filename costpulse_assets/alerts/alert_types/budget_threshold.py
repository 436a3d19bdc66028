"""A part of a budget is spent."""

from decimal import ROUND_DOWN, Decimal
from typing import Literal

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
    optional_number,
    probability,
)
from costpulse_assets.alerts.message import Figure, Message
from costpulse_assets.alerts.words import day, percent, usd


class Options(AlertOptions):
    """Beside the threshold."""

    unit: Literal["percent", "USD"] = Field(
        default="percent",
        title="Unit of the threshold",
        description="percent of the budget's amount, or USD; only with a threshold of the alert's own.",
    )
    budget: str = Field(
        default="",
        max_length=80,
        title="Only this budget",
        description="Name of one budget; empty: all active budgets of the scope.",
    )


def _message(finding: Finding) -> Message:
    evidence = finding.evidence
    amount, spent, limit, used = (
        number(evidence[name]) for name in ("amount", "spent_usd", "limit_usd", "used_percent")
    )
    assert finding.threshold is not None
    first, last = iso_day(evidence["period_start"]), iso_day(evidence["period_end"])
    when, name = finding.occurred_on, evidence["budget"]
    threshold = f"{percent(finding.threshold)}, {usd(limit)}" if evidence["unit"] == "percent" else usd(limit)
    length, elapsed = (last - first).days + 1, (when - first).days + 1
    over = spent - amount
    figures = [
        Figure(label="Spent", text=f"{usd(spent)} of {usd(amount)}, {_used(used)}"),
        Figure(label="Threshold", text=threshold),
        Figure(label="Period", text=f"{days(first, last)}, day {elapsed} of {length}"),
    ]
    notes = []
    projected = optional_number(evidence["projected_usd"])
    expected_from = optional_iso_day(evidence["expected_from"])
    if projected is not None and expected_from is not None:
        figures.append(
            Figure(label="Expected in the end", text=f"{usd(projected)}, {percent(projected / amount * 100)} of it")
        )
        figures.append(Figure(label="Probability above the budget", text=probability(evidence["probability"])))
        if expected_from != when:
            notes.append(f"What is expected is from {day(expected_from)}.")
    else:
        notes.append("How the period will end was not known on that day.")
    breach = optional_iso_day(evidence["breach_date"])
    if breach is not None and over <= 0:
        figures.append(Figure(label="Probably exceeded from", text=day(breach)))
    rest = f"{usd(over)} above it." if over > 0 else f"{usd(-over)} of it are left."
    return Message(
        title=f"Budget {name}: {_used(used)} of {usd(amount)} is spent",
        text=f"By the end of {day(when)}, {usd(spent)} of {usd(amount)} were spent, which reaches the threshold of "
        f"{threshold}; {percent(Decimal(elapsed) / length * 100)} of the period is over. {rest}",
        severity="warning",
        figures=tuple(figures),
        causes=causes(evidence["causes"]),
        series=daily_series(evidence["series"], "Spent a day"),
        notes=tuple(notes),
        view=budgets_view(finding),
        owner=evidence["owner"],
    )


def _used(value: Decimal) -> str:
    """Never rounded up: 99.7 % is not all of it."""
    return percent(value.quantize(Decimal("0.1") if abs(value) < 10 else Decimal(1), ROUND_DOWN))


ALERT_TYPE = AlertType(
    name="budget_threshold",
    title="Budget threshold",
    fires=(
        "On the first final day by which a budget's spending reaches a threshold: the alert's own, or each of those of "
        "the budget. It watches all active budgets of its scope; of a team those of the teams below it as well; with "
        "the scope everything, every budget."
    ),
    silent=(
        "Days that are not final do not count, so what is spent now may be more. A threshold that was reached before "
        "the alert began to watch is not told later. A budget whose amount is raised does not tell the same "
        "percentage again in the same period."
    ),
    once="Once per budget, period and threshold; where a day reaches several, the highest speaks for all.",
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
        "unit": "of the threshold: percent of the amount, or USD",
        "spent_usd": "USD spent from the first day of the period to the day it is about",
        "limit_usd": "the threshold in USD",
        "used_percent": "spent_usd in percent of amount",
        "expected_from": "last final day (UTC) from which the following was expected; null: nothing was",
        "projected_usd": "USD that the period was expected to cost",
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
        label="Tell at",
        unit="percent",
        default=None,
        minimum=Decimal(0),
        maximum=Decimal(10) ** 12,
        otherwise="the thresholds of the budget",
    ),
    options=Options,
)
