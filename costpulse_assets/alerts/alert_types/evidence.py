"""What messages about money take from the evidence of a finding: exact numbers, causes, the small chart, the view."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from costpulse_assets.alerts.alert_types.declaration import Finding
from costpulse_assets.alerts.message import Cause, Point, Series
from costpulse_assets.alerts.words import day

#: How the app's URLs write rows that have no workspace, team, job, ...
_NONE = "~"
_KINDS = {"product": "Product", "sku": "SKU", "job": "Job", "warehouse": "Warehouse", "cluster": "Cluster"}
_KINDS |= {"team": "Team", "workspace": "Workspace", "tag": "Tag"}


def number(value: Any) -> Decimal:
    """A number of the evidence as it was written: JSON readers make floats of it."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def optional_number(value: Any) -> Decimal | None:
    """The same where it may be missing."""
    return None if value is None else number(value)


def iso_day(value: str) -> date:
    """A UTC day of the evidence."""
    return date.fromisoformat(value)


def optional_iso_day(value: str | None) -> date | None:
    """The same where it may be missing."""
    return None if value is None else iso_day(value)


def whose(finding: Finding) -> str:
    """Whose cost it is, at the beginning of a title: "Team Data", "Job nightly", "Whole account"."""
    if finding.scope_type == "everything" or (finding.scope_type, finding.scope_id) == ("team", "unallocated"):
        return finding.scope_name
    return f"{_KINDS[finding.scope_type]} {finding.scope_name}"


def causes(entries: Sequence[Mapping[str, Any]] | None) -> tuple[Cause, ...]:
    """The parts of the evidence as causes, in their order."""
    return tuple(
        Cause(kind=each["kind"], name=each["name"], usd=number(each["usd"]), note=each.get("note") or "")
        for each in entries or ()
    )


def daily_series(
    entries: Sequence[Sequence[Any]] | None, label: str, *, reference: Decimal | None = None
) -> Series | None:
    """The days of the evidence as a small chart in USD; None: there are none."""
    if not entries:
        return None
    points = tuple(Point(day=iso_day(each[0]), value=number(each[1])) for each in entries)
    return Series(label=label, points=points, reference=reference)


def days(first: date, last: date) -> str:
    """A span of UTC days, both included."""
    return day(first) if first == last else f"{day(first)} to {day(last)}"


def explorer_view(finding: Finding, first: date, last: date, *, by: str) -> str:
    """The cost explorer on the scope and these days, grouped by a dimension; a team with the teams below it."""
    query = [("range", "custom"), ("period", f"{first}"), ("period", f"{last}"), *_explorer_filters(finding)]
    return f"/explorer?{urlencode([*query, ('by', by)])}"


def budgets_view(finding: Finding) -> str:
    """The budgets and the forecast of the scope; the page itself takes a team with the teams below it."""
    return f"/forecast?{urlencode([*_filters(finding.scope_type, finding.scope_id), ('tab', 'budgets')])}"


def _explorer_filters(finding: Finding) -> list[tuple[str, str]]:
    teams = finding.evidence.get("teams")
    if finding.scope_type == "team" and teams:
        return [("team", str(team)) for team in teams]
    return _filters(finding.scope_type, finding.scope_id)


def _filters(scope_type: str, scope_id: str) -> list[tuple[str, str]]:
    match scope_type:
        case "everything":
            return []
        case "team":
            return [("team", _NONE if scope_id == "unallocated" else scope_id)]
        case "workspace":
            return [("ws", scope_id)]
        case "tag":
            key, _, value = scope_id.partition("=")
            return [("tag", f"{key.replace('%', '%25')}={value}")]
        case "job" | "warehouse" | "cluster":
            found: list[tuple[str, str]] = [(scope_type, scope_id)]
            if scope_type == "cluster":
                # One that a job or a pipeline brings up for itself is not one.
                found += [("product", "ALL_PURPOSE"), ("job", _NONE), ("pipeline", _NONE)]
            return found
        case _:
            return [(scope_type, scope_id)]


def probability(share: float | Decimal) -> str:
    """A probability in percent, never more certain than it is: <1 %, 64 %, >99 %."""
    if share < 0.005:
        return "<1 %"
    return ">99 %" if share > 0.995 else f"{share * 100:.0f} %"
