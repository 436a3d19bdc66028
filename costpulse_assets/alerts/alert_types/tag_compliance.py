"""Less of the cost carries the required tags than should."""

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

    days: int = Field(7, ge=1, le=90, title="Days", description="Final days that a score is made of.")
    reminder_days: int = Field(
        7, ge=1, le=90, title="Remind after days", description="While it lasts, it is told again so often."
    )


def _message(finding: Finding) -> Message:
    found = finding.evidence
    score, limit = finding.current_value or Decimal(0), finding.expected_value or Decimal(0)
    first, last = date.fromisoformat(found["first_date"]), finding.occurred_on
    began = date.fromisoformat(found["began_on"])
    said, bound = parts.percent_beside(score, limit), words.percent(limit)
    whose = "" if finding.scope_type == "everything" else f" of {finding.scope_name}"
    text = (
        f"Of {words.usd(number(found['required_usd']))} {'on' if first == last else 'from'} {days(first, last)} that "
        f"must carry tags, {words.usd(number(found['compliant_usd']))} carries all of them."
    )
    if found["worst_key"]:
        text += f" {found['worst_key']} is missing or wrong on {words.usd(number(found['worst_key_usd']))}."
    if finding.phase == "ended":
        title = f"Over: the tag score{whose} is {said}, not below {bound}"
        text += f" It was below {bound} from {words.day(began)} on."
    elif finding.reminder:
        title = f"The tag score{whose} is still {said}, below {bound}"
        text += f" It is below {bound} since {words.day(began)} at least."
    else:
        title = f"The tag score{whose} is {said}, below {bound}"
    return Message(
        title=title,
        text=text,
        severity="info" if finding.phase == "ended" else "warning",
        figures=(
            Figure(label=f"Score, {parts.count(found['days'], 'day')}", text=said),
            Figure(label="Limit", text=bound),
            Figure(label="Without any of the tags", text=words.usd(number(found["untagged_usd"]))),
            Figure(label="Some tags missing", text=words.usd(number(found["incomplete_usd"]))),
            Figure(label="Wrong values", text=words.usd(number(found["wrong_value_usd"]))),
        ),
        causes=causes(found["causes"]),
        series=parts.small_chart(finding, "Tag score", unit="percent", reference=limit),
        view=parts.view("tags", **parts.period(first, last), **parts.scope(finding)),
    )


ALERT_TYPE = AlertType(
    name="tag_compliance",
    title="Tag compliance",
    fires=(
        "The score of the last `days` final days is below threshold_value: the share, in dollars, of the cost that "
        "must carry tags and has all of them, each with a value that is allowed."
    ),
    silent=(
        "A day that is not final, or whose tags are not judged yet, does not count; nor does cost that cannot carry "
        "tags, or of which no policy requires any. Where nothing must carry tags, there is no score."
    ),
    once=(
        "Once when it begins, again each reminder_days while it lasts, and once when it is over: on the third judged "
        "day in a row that is not below the limit. Fewer good days are no end. When a policy changes, days are judged "
        "anew, and it may begin on another day."
    ),
    scopes=("everything", "team", "workspace"),
    severity="warning",
    value_unit="percent",
    message=_message,
    evidence={
        "began_on": "first day (UTC) below the limit, of those that the alert watches",
        "first_date": "first of the days that the score is made of; the last is the day itself",
        "days": "how many they are",
        "compliant_usd": "cost of these days that carries all required tags, in USD",
        "required_usd": "cost of these days that must",
        "untagged_usd": "the part of it with no required tag",
        "incomplete_usd": "the part with some of them",
        "wrong_value_usd": "the part with a value that is not allowed",
        "worst_key": "the key that is missing or wrong on most cost; null: none is",
        "worst_key_usd": "that cost, in USD; amounts of keys do not add up",
        "team_ids": "the team of the scope and those below it; null in other scopes",
        "causes": "owners with most cost that lacks tags: name, usd",
        "series": "the score in percent as of each of the last four weeks' judged days",
    },
    threshold=Threshold("Least score", "percent", Decimal(80), Decimal(0), Decimal(100)),
    options=Options,
)
