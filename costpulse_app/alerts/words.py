"""What alerts, findings and messages are called."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import streamlit as st

from costpulse_app import formats, queries
from costpulse_app.alerts.reads import Alert, Line
from costpulse_app.forecast import scopes
from costpulse_app.parts import Frame
from costpulse_assets.alerts import words as message_words
from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertType
from costpulse_assets.allocation.alert_routes import AlertRouteDocument
from costpulse_assets.allocation.text_files import plain_number
from costpulse_assets.analysis.series import Scope
from costpulse_assets.channel_addresses import ROUTED
from costpulse_assets.costs.spend import NAMED_BY_COLLECTION

Colour = Literal["red", "orange", "yellow", "green", "blue", "gray"]

SEVERITIES = {"info": "Info", "warning": "Warning", "critical": "Critical"}
#: Shape and word carry it; colour only supports them.
SHAPES = {"info": ":material/info:", "warning": ":material/change_history:", "critical": ":material/diamond:"}
COLOURS: Mapping[str, Colour] = {"info": "blue", "warning": "orange", "critical": "red"}
SCOPES = {
    "everything": "Everything",
    "team": "Team (with the teams below it)",
    "workspace": "Workspace",
    "product": "Product",
    "sku": "SKU",
    "job": "Job",
    "warehouse": "Warehouse",
    "cluster": "Cluster",
    "tag": "Tag",
}
STATES = {
    "waiting": "On its way",
    "sending": "Being sent",
    "delivered": "Delivered",
    "refused": "Refused",
    "failed": "Failed, is tried again",
    "unknown": "Unknown: may have arrived",
}
_UNTOLD = {
    "covered": "Not told: a higher threshold was",
    "muted": "Not told: the alert was muted",
    "shown": "Not told: no channel",
    "told": "Not told",
}
_COOLDOWNS = ((1_440, "day"), (60, "hour"))


def kind(alert_type: str) -> str:
    """A type, as people call it; its name where that is not there any more."""
    known = ALERT_TYPES.get(alert_type)
    return known.title if known else alert_type


def scope_names(made: Frame, of: Sequence[Alert]) -> dict[tuple[str, str], str]:
    """What alerts watch, in words, by (type, id)."""
    found: dict[tuple[str, str], str] = {}
    for scope_type in {one.scope_type for one in of}:
        ids = tuple(sorted({one.scope_id for one in of if one.scope_type == scope_type}))
        named = queries.resource_names(made.version, scope_type, ids) if scope_type in NAMED_BY_COLLECTION else {}
        for scope_id in ids:
            found[scope_type, scope_id] = scope(made, scope_type, scope_id, named.get(scope_id))
    return found


def scope(made: Frame, scope_type: str, scope_id: str, name: str | None = None) -> str:
    """What an alert watches: Everything, Team Platform, Job nightly load."""
    kind = {"everything": "", "sku": "SKU "}.get(scope_type, f"{scope_type.capitalize()} ")
    return kind + scope_name(made, scope_type, scope_id, name)


def scope_name(made: Frame, scope_type: str, scope_id: str, name: str | None = None) -> str:
    """The same without its kind.

    Args:
        made: the frame.
        scope_type: a key of SCOPES.
        scope_id: as in the tables.
        name: its name where the rows bring it.
    """
    if scope_type in ("job", "warehouse", "cluster"):
        return made.names.one(scope_type, scope_id, name)
    return scopes.name(made.names, Scope(scope_type, scope_id))  # type: ignore[arg-type]


def condition(one: Alert, currency: str) -> str:
    """When it speaks, in few words: the threshold, and the options that are not those of its type."""
    declared = ALERT_TYPES.get(one.alert_type)
    if declared is None:
        return formats.UNKNOWN
    said = [limit(declared, one.threshold_value, currency)] if declared.threshold is not None else []
    for name, value in one.options.items():
        field = declared.options.model_fields.get(name)
        label = field.title if field is not None and field.title else name.replace("_", " ")
        said.append(f"{label}: {_option(value)}")
    return "; ".join(said) or declared.title


def limit(declared: AlertType, value: Decimal | None, currency: str) -> str:
    """The threshold of an alert in words, or where it comes from."""
    threshold = declared.threshold
    if threshold is None:
        return ""
    value = threshold.default if value is None else value
    if value is None:
        return f"{threshold.label}: {threshold.otherwise or formats.UNKNOWN}"
    return f"{threshold.label}: {amount(value, threshold.unit, currency)}"


def amount(value: Decimal | None, unit: str, currency: str) -> str:
    """A figure with its unit."""
    if value is None:
        return formats.UNKNOWN
    if unit in ("USD", currency):
        return formats.money(value, currency)
    if unit == "percent":
        return message_words.percent(value)
    return f"{value.quantize(Decimal('0.01')).normalize():,f}" + (f" {unit}" if unit else "")


def value(one: Line, currency: str) -> str:
    """The figure that was judged."""
    declared = ALERT_TYPES.get(one.alert_type)
    return amount(one.current_value, declared.value_unit if declared else "", currency)


def threshold(one: Line, currency: str) -> str:
    """The limit that was passed, where there are several."""
    if one.threshold is None:
        return formats.UNKNOWN
    declared = ALERT_TYPES.get(one.alert_type)
    unit = declared.threshold.unit if declared is not None and declared.threshold is not None else ""
    return amount(one.threshold, unit, currency)


def state(one: Line) -> str:
    """What became of a message, or why there is none."""
    if one.state is None:
        return _UNTOLD[one.status]
    said = STATES[one.state]
    if one.state == "waiting" and one.held_for:
        said += f", held for {one.held_for}"
    if one.bundle_id is not None:
        said += ", with others in one message"
    return said


def channel(address: str) -> str:
    """A channel, as people call it."""
    return "Where the routes lead" if address == ROUTED else address


def channels(of: tuple[str, ...]) -> str:
    """All channels of an alert; none means that the routes decide."""
    return ", ".join(channel(each) for each in of or (ROUTED,))


def moment_column(label: str) -> Any:
    """A column of moments."""
    return st.column_config.DatetimeColumn(label, format="YYYY-MM-DD HH:mm", timezone="UTC")


def whose(of: AlertRouteDocument) -> str:
    """Whose findings a route is for."""
    if of.team is not None:
        return f"Team {of.team}"
    return f"Cost center {of.cost_center}" if of.cost_center is not None else "Everybody else"


def route(of: AlertRouteDocument) -> str:
    """A route in one line."""
    return f"{whose(of)}, from {of.minimum_severity}: {of.channel}"


def minutes(number: int) -> str:
    """A cooldown: 45 minutes, 2 hours, 1 day."""
    if not number:
        return "none"
    for size, noun in _COOLDOWNS:
        if number % size == 0:
            return formats.count(number // size, noun)
    return formats.count(number, "minute")


def phase(one: Line) -> str:
    """Which of the messages about it this is."""
    if one.phase == "ended":
        return "is over"
    return f"reminder {one.reminder}" if one.reminder else ""


def _option(given: object) -> str:
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, list | tuple):
        return ", ".join(_option(each) for each in given)
    return plain_number(given) if isinstance(given, Decimal) else str(given)
