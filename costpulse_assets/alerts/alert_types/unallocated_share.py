"""Cost that no team owns is more than a share of all."""

from datetime import date
from decimal import Decimal

from pydantic import Field

from costpulse_assets.alerts import words
from costpulse_assets.alerts.alert_types import parts
from costpulse_assets.alerts.alert_types.declaration import AlertOptions, AlertType, Finding, Threshold
from costpulse_assets.alerts.alert_types.evidence import causes, days, number
from costpulse_assets.alerts.message import Figure, Message


class Options(AlertOptions):
    """Which days, and how often."""

    days: int = Field(7, ge=1, le=90, title="Days", description="Final days that a share is made of.")
    reminder_days: int = Field(
        7, ge=1, le=90, title="Remind after days", description="While it lasts, it is told again so often."
    )


def _message(finding: Finding) -> Message:
    found = finding.evidence
    share, limit = finding.current_value or Decimal(0), finding.expected_value or Decimal(0)
    first, last = date.fromisoformat(found["first_date"]), finding.occurred_on
    began = date.fromisoformat(found["began_on"])
    unallocated = number(found["unallocated_usd"])
    said, bound = parts.percent_beside(share, limit), words.percent(limit)
    of_scope = "cost" if finding.scope_type == "everything" else f"the cost of {finding.scope_name}"
    text = f"Of {words.usd(number(found['cost_usd']))} from {days(first, last)}, {words.usd(unallocated)} has no team."
    if first == last:
        text = text.replace(" from ", " on ")
    if finding.phase == "ended":
        title = f"Over: {said} of {of_scope} has no team, no more than {bound}"
        text += f" It was more than {bound} from {words.day(began)} on."
    elif finding.reminder:
        title = f"Still {said} of {of_scope} has no team, more than {bound}"
        text += f" It is more than {bound} since {words.day(began)} at least."
    else:
        title = f"{said} of {of_scope} has no team, more than {bound}"
    return Message(
        title=title,
        text=text,
        severity="info" if finding.phase == "ended" else "warning",
        figures=(
            Figure(label="Share without a team", text=said),
            Figure(label="Limit", text=bound),
            Figure(label=f"Without a team, {parts.count(found['days'], 'day')}", text=words.usd(unallocated)),
        ),
        causes=causes(found["causes"]),
        series=parts.small_chart(finding, "Share without a team", unit="percent", reference=limit),
        view=parts.view(
            "explorer",
            **parts.period(first, last),
            **parts.scope(finding),
            team=parts.NONE,
            by="product" if finding.scope_type == "workspace" else "workspace",
        ),
    )


ALERT_TYPE = AlertType(
    name="unallocated_share",
    title="Unallocated share",
    fires="More than threshold_value percent of the cost of the last `days` final days has no team.",
    silent="A day that is not final is not judged, nor are the first days of the history, nor days without any cost.",
    once=(
        "Once when it begins, again each reminder_days while it lasts, and once when it is over: on the third final "
        "day in a row that is not above the limit. Fewer days below it are no end."
    ),
    scopes=("everything", "workspace", "product"),
    severity="warning",
    value_unit="percent",
    message=_message,
    evidence={
        "began_on": "first day (UTC) above the limit, of those that the alert watches",
        "first_date": "first of the days that the share is made of; the last is the day itself",
        "days": "how many they are",
        "cost_usd": "all cost of these days, in USD",
        "unallocated_usd": "the part of it without a team",
        "causes": "where most of it is: workspace, in a workspace product, with usd",
        "series": "the share in percent as of each of the last four weeks' final days",
    },
    threshold=Threshold("Largest share without a team", "percent", Decimal(20), Decimal(0), Decimal(100)),
    options=Options,
)
