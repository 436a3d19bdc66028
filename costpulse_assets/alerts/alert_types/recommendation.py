"""New savings: recommendations that a run found for the first time."""

from datetime import date
from decimal import Decimal

from costpulse_assets.alerts import words
from costpulse_assets.alerts.alert_types import parts
from costpulse_assets.alerts.alert_types.declaration import AlertType, Finding, Threshold
from costpulse_assets.alerts.alert_types.evidence import days, number
from costpulse_assets.alerts.message import Figure, Message, Section
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES


def _message(finding: Finding) -> Message:
    found = finding.evidence
    savings = finding.current_value or Decimal(0)
    amount, largest = int(found["recommendations"]), found["largest"]
    of_scope = "" if finding.scope_type == "everything" else f" in {finding.scope_name}"
    newly = f"{parts.count(amount, 'new recommendation')}{of_scope} would save {words.usd(savings)} in 30 days"
    first, last = (date.fromisoformat(found[name]) for name in ("window_first", "window_last"))
    rest = amount - len(largest)
    return Message(
        title=newly,
        text=(
            f"Found first on {words.day(finding.occurred_on)}, by the cost from {days(first, last)}. What several save "
            "on one resource counts once. CostPulse changes nothing by itself."
        ),
        severity="info",
        figures=(
            Figure(label="Savings in 30 days", text=words.usd(savings)),
            Figure(label="Recommendations", text=f"{amount:,}"),
        ),
        sections=(
            Section(
                title="The largest" if rest else "What to do",
                lines=(
                    *(
                        f"{each['title']}: {words.usd(number(each['usd']))} ({_kind(each['type'])}, "
                        f"{each['confidence']} confidence)"
                        for each in largest
                    ),
                    *((f"and {rest:,} more",) if rest else ()),
                ),
            ),
        ),
        view=parts.view("recommendations", id=str(largest[0]["id"]))
        if amount == 1
        else parts.view("recommendations", **parts.scope(finding)),
    )


def _kind(name: str) -> str:
    known = RECOMMENDATION_TYPES.get(name)
    return known.title.lower() if known else name


ALERT_TYPE = AlertType(
    name="recommendation",
    title="New savings",
    fires=(
        "A run found recommendations for the first time which together would save at least threshold_value USD in 30 "
        "days, in the scope."
    ),
    silent=(
        "Recommendations that were found before, whatever they would save by now, and those that come back. What was "
        "dismissed or has expired meanwhile does not count."
    ),
    once="Once for each run that finds new ones. It has no end.",
    scopes=("everything", "team", "workspace"),
    severity="info",
    value_unit="USD",
    message=_message,
    evidence={
        "recommendations": "how many were found for the first time",
        "window_first": "first day (UTC) of the cost they rest on",
        "window_last": "last day of it",
        "team_ids": "the team of the scope and those below it; null in other scopes",
        "largest": "the five that save most: id, type, title, usd (in 30 days, adds up), confidence",
    },
    threshold=Threshold("Least savings in 30 days", "USD", Decimal(500), Decimal(1), Decimal(10) ** 12),
)
