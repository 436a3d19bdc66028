"""Parts of messages that several types share: counts, percentages, the small chart, links into the app."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal
from urllib.parse import urlencode

from costpulse_assets.alerts import words
from costpulse_assets.alerts.alert_types.declaration import Finding
from costpulse_assets.alerts.alert_types.evidence import number
from costpulse_assets.alerts.message import Point, Series

#: What the filters of the app call cost without a team, a workspace, ...
NONE = "~"


def count(amount: int, noun: str) -> str:
    """1 day, 3 days."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def percent_beside(value: Decimal, limit: Decimal) -> str:
    """A percentage with the digits that tell it from a limit: 20.04 %, not 20 %, beside 20 %."""
    text = words.percent(value)
    if value == limit or text != words.percent(limit):
        return text
    return f"{value.quantize(Decimal('0.01'))} %"


def small_chart(
    finding: Finding, label: str, *, unit: Literal["usd", "percent"] = "usd", reference: Decimal | None = None
) -> Series | None:
    """The days of the evidence; None where it has fewer than two."""
    points = tuple(Point(day=date.fromisoformat(day), value=number(value)) for day, value in finding.evidence["series"])
    return Series(label=label, unit=unit, points=points, reference=reference) if len(points) > 1 else None


def view(page: str, **parameters: str | Sequence[str]) -> str:
    """Path and query of a page of the app, whose parameters are those of its URL; empty ones are left out."""
    query = {name: value for name, value in parameters.items() if value}
    return f"/{page}" + (f"?{urlencode(query, doseq=True)}" if query else "")


def period(first: date, last: date) -> dict[str, str | Sequence[str]]:
    """Parameters of the app for these days."""
    return {"range": "custom", "period": (first.isoformat(), last.isoformat())}


def scope(finding: Finding) -> dict[str, str | Sequence[str]]:
    """Parameters of the app for the scope; a team with those below it (team_ids of the evidence)."""
    if finding.scope_type == "everything":
        return {}
    if finding.scope_type == "team":
        ids = [str(team) for team in finding.evidence.get("team_ids") or ()]
        return {"team": ids or (NONE if finding.scope_id == "unallocated" else finding.scope_id)}
    return {"ws" if finding.scope_type == "workspace" else finding.scope_type: finding.scope_id}
