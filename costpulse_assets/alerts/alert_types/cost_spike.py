"""A day that cost far more than the same weekday did before."""

from decimal import Decimal

from pydantic import Field

from costpulse_assets.alerts.alert_types.declaration import AlertOptions, AlertType, Finding, Threshold
from costpulse_assets.alerts.alert_types.evidence import (
    causes,
    daily_series,
    days,
    explorer_view,
    iso_day,
    number,
    optional_number,
    whose,
)
from costpulse_assets.alerts.message import Figure, Message
from costpulse_assets.alerts.words import day, percent, signed_usd, usd


class Options(AlertOptions):
    """Beside the percentage."""

    minimum_usd: Decimal = Field(
        default=Decimal(100),
        ge=0,
        le=Decimal(10) ** 12,
        title="Least difference in USD",
        description="A day that costs less than this above its usual is no spike, whatever the percentage.",
    )


def _message(finding: Finding) -> Message:
    return _begun(finding) if finding.phase == "firing" else _over(finding)


def _begun(finding: Finding) -> Message:
    evidence = finding.evidence
    cost, usual, above = (number(evidence[name]) for name in ("cost_usd", "usual_usd", "above_usd"))
    share, limit = optional_number(evidence["above_percent"]), number(evidence["limit_percent"])
    when = finding.occurred_on
    how_much = f"{percent(share)} above its usual {when:%A}" if share is not None else f"usually nothing on a {when:%A}"
    return Message(
        title=f"{whose(finding)}: {usd(cost)} on {day(when)}, {how_much}",
        text=f"{day(when)} cost {usd(cost)}. The same weekday of the four weeks before cost {usd(usual)} (median): "
        f"that is {usd(above)} more, and above the limit of {percent(limit)}. The day is final.",
        severity="warning",
        figures=(
            Figure(label="Cost of the day", text=usd(cost)),
            Figure(label=f"Usual {when:%A}", text=usd(usual)),
            Figure(
                label="Above it", text=signed_usd(above) if share is None else f"{signed_usd(above)}, {percent(share)}"
            ),
        ),
        causes=causes(evidence["causes"]),
        series=daily_series(evidence["series"], "Cost a day", reference=usual),
        view=_view(finding),
    )


def _over(finding: Finding) -> Message:
    evidence = finding.evidence
    first, last = iso_day(evidence["first_day"]), iso_day(evidence["last_day"])
    extra, cost, usual = (number(evidence[name]) for name in ("extra_usd", "cost_usd", "usual_usd"))
    when = finding.occurred_on
    return Message(
        title=f"{whose(finding)}: the spike of {days(first, last)} is over, it cost {usd(extra)} more than usual",
        text=f"{day(when)} cost {usd(cost)}, after a usual {usd(usual)} (median of the same weekday of the four weeks "
        f"before): no spike any more. The days from its first to its last together cost {usd(extra)} above their "
        "usual.",
        severity="info",
        figures=(
            Figure(label="Days of the spike", text=str(evidence["days"])),
            Figure(label="More than usual", text=signed_usd(extra)),
            Figure(label=f"Cost of {day(when)}", text=usd(cost)),
        ),
        series=daily_series(evidence["series"], "Cost a day", reference=usual),
        view=_view(finding),
    )


def _view(finding: Finding) -> str:
    points = finding.evidence["series"]
    return explorer_view(finding, iso_day(points[0][0]), finding.occurred_on, by="product")


ALERT_TYPE = AlertType(
    name="cost_spike",
    title="Cost spike",
    fires=(
        "A day that is final cost more than the threshold above the median of the same weekday in the four weeks "
        "before, and by no less than the least difference. Where that median is nothing, that difference alone decides."
    ),
    silent=(
        "The day, or the day before it, is not final yet. Fewer than three of the four days to compare with are "
        "final: in the first weeks of collecting. A rise that lasts is usual after two to three weeks. Usage without a "
        "price costs nothing here."
    ),
    once=(
        "Once per episode: spikes on days that follow each other are one, told on its first day. Its end is told with "
        "what it cost in all, if it lasted at most 63 days."
    ),
    scopes=("everything", "team", "workspace", "product", "sku", "job", "warehouse", "cluster", "tag"),
    severity="warning",
    value_unit="USD",
    message=_message,
    evidence={
        "day": "the day that is told (UTC): the first of the episode, or the first after it",
        "cost_usd": "USD that the day cost",
        "usual_usd": "USD: median of the same weekday in the four weeks before",
        "above_usd": "USD above usual_usd",
        "above_percent": "the same in percent of usual_usd; null where that is 0",
        "limit_percent": "percent above usual_usd from which it is a spike",
        "first_day": "first day of the episode (UTC)",
        "last_day": "its last day so far (UTC)",
        "days": "days of spikes so far",
        "extra_usd": "USD that they cost above their usual",
        "teams": "ids of the team and the teams below it; null for other scopes",
        "causes": (
            "the three parts that rose most: kind, name, usd above the mean of the days compared with, note `new` "
            "where they cost nothing then; of one job, warehouse or cluster its SKUs. Empty at the end"
        ),
        "series": "final days up to this one, four weeks: day and USD",
    },
    threshold=Threshold(
        label="Percent above the usual weekday",
        unit="percent",
        default=Decimal(50),
        minimum=Decimal(1),
        maximum=Decimal(10000),
    ),
    options=Options,
)
