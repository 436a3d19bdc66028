"""What recommendations, decisions about them and units are called."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from costpulse_app import formats
from costpulse_app.parts import Frame
from costpulse_app.recommendations.reads import Decision, Outcome, Recommendation
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES, RecommendationType

Colour = Literal["red", "orange", "yellow", "green", "blue", "gray"]

#: Most sure first.
CONFIDENCES = {"high": "High", "medium": "Medium", "low": "Low"}
#: What a saving counts where the list is sorted: what is not sure comes later.
WEIGHTS = {"high": Decimal(1), "medium": Decimal("0.5"), "low": Decimal("0.25")}
LEVELS = {"low": "Low", "medium": "Medium", "high": "High"}
#: Worst first. Shape and word carry it; colour only supports them.
SEVERITIES = {"critical": "Critical", "high": "High", "medium": "Medium", "low": "Low"}
SHAPES = {
    "critical": ":material/diamond:",
    "high": ":material/change_history:",
    "medium": ":material/circle:",
    "low": ":material/remove:",
}
COLOURS: Mapping[str, Colour] = {"critical": "red", "high": "orange", "medium": "yellow", "low": "gray"}
RESOURCES = {
    "cluster": "Cluster",
    "warehouse": "Warehouse",
    "job": "Job",
    "pipeline": "Pipeline",
    "endpoint": "Serving endpoint",
}
VERDICTS = {
    "measuring": "Still measuring",
    "proved": "Proved",
    "not proved": "Not proved",
    "evaporated": "Gone again",
    "workload shrank": "Less work, not less waste",
}
UNITS = {
    "job run": "Job run",
    "successful job run": "Successful run",
    "query": "Query",
    "warehouse hour": "Warehouse hour",
    "active user": "Active user",
}
#: What stands behind an amount: $0.12 per query.
PER = {**{name: f"per {name}" for name in UNITS}, "active user": "per active user and day"}


def declared(one: Recommendation) -> RecommendationType | None:
    """The declaration of its type; None where that is not there any more."""
    return RECOMMENDATION_TYPES.get(one.type)


def kind(one: Recommendation) -> str:
    """Its type, as people call it."""
    known = declared(one)
    return known.title if known else one.type


def resource_names(made: Frame, shown: Iterable[Recommendation | Outcome]) -> dict[tuple[str, str], str]:
    """Names of what they are about by (type, workspace/id); different resources have different names."""
    by_type: dict[str, dict[str, str | None]] = {}
    for one in shown:
        by_type.setdefault(one.resource_type, {})[one.resource] = one.resource_name
    return {
        (kind, group or ""): name
        for kind, found in by_type.items()
        for group, name in made.names.all(kind, list(found.items())).items()
    }


def team(made: Frame, team_id: int | None) -> str:
    """The team, or Unallocated."""
    return made.names.one("team", None if team_id is None else str(team_id))


def status(one: Recommendation) -> str:
    """The status with what belongs to it."""
    said = one.status.capitalize()
    if one.status == "accepted" and one.due_date is not None:
        said += f", due {formats.day(one.due_date)}"
    if one.status == "done" and one.done_on is not None:
        said += f" on {formats.day(one.done_on)}"
    if one.status == "dismissed" and one.dismissed_until is not None:
        said += f" until {formats.day(one.dismissed_until)}"
    return said


def days_known(one: Recommendation, today: date) -> int:
    """Days since it was found first."""
    return max((today - one.found_first_at.date()).days, 0)


def figure(name: str, value: Any, currency: str) -> str:
    """A figure of the evidence; its name says what it is measured in."""
    if value is None:
        return formats.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(figure(name, each, currency) for each in value)
    if not isinstance(value, int | Decimal):
        return _day(str(value))
    number = Decimal(value)
    if name.endswith("_usd"):
        return formats.money_to_the_cent(number, currency)
    if name.endswith("_rate"):
        return f"{formats.symbol(currency)}{number.quantize(Decimal('0.0001')):f}"
    shortest = number.quantize(Decimal("0.01")).normalize()
    return f"{shortest:,f}{' %' if name.endswith('_percent') else ''}"


def decision(one: Decision) -> str:
    """What somebody decided, as a sentence without its subject."""
    said = []
    if one.status != one.status_before:
        words = {
            "open": "opened it again",
            "accepted": "accepted it",
            "done": "marked it as done",
            "dismissed": "dismissed it",
            "expired": "let it expire",
        }[one.status]
        if one.status == "done" and one.done_on is not None:
            words += f" on {formats.day(one.done_on)}"
        if one.status == "dismissed" and one.dismissed_until is not None:
            words += f" until {formats.day(one.dismissed_until)}"
        said.append(words)
    if one.assigned_to != one.assigned_before:
        said.append(f"assigned it to {one.assigned_to}" if one.assigned_to else "took the assignment away")
    if one.due_date != one.due_before:
        said.append(f"set {formats.day(one.due_date)} as its due date" if one.due_date else "took the due date away")
    if not said:
        said.append("changed the decision")
    because = f": “{one.reason}”" if one.reason and one.reason != one.reason_before else ""
    noted = f" (note: “{one.note}”)" if one.note and one.note != one.note_before else ""
    return f"{' and '.join(said)}{because}{noted}"


def between(lower: Decimal | None, upper: Decimal | None, currency: str) -> str:
    """Both ends of an interval in words."""
    return f"{formats.money(lower, currency)} to {formats.money(upper, currency)}"


def _day(text: str) -> str:
    """A day as days are written; other text as it is."""
    try:
        return formats.day(date.fromisoformat(text)) if len(text) == 10 else text
    except ValueError:
        return text
