"""Prices and changes in words."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from costpulse_app import formats
from costpulse_app.names import Names
from costpulse_app.settings_page.reads import Entry
from costpulse_assets.allocation.price_adjustments import PriceAdjustmentDocument
from costpulse_assets.allocation.text_files import plain_number

#: Tables of the audit log: what a row is called, and the column that names it.
OBJECTS = {
    "alert_history": ("finding of an alert", "message"),
    "alert_outbox": ("message of an alert", "channel"),
    "alert_routes": ("alert route", "channel"),
    "alerts": ("alert", "name"),
    "allocation_rules": ("rule", "name"),
    "annotations": ("annotation", "note"),
    "anomalies": ("anomaly", "kind"),
    "api_tokens": ("API token", "name"),
    "budgets": ("budget", "name"),
    "closed_periods": ("closed month", "month"),
    "cost_splits": ("split", "name"),
    "price_adjustments": ("price adjustment", "sku_pattern"),
    "recommendations": ("recommendation", "title"),
    "reports": ("report", "name"),
    "run_requests": ("run that was asked for", "kind"),
    "saved_views": ("saved view", "name"),
    "split_weights": ("share of a split", "team_id"),
    "tag_policies": ("tag policy", "tag_key"),
    "team_members": ("team member", "email"),
    "teams": ("team", "name"),
    "viewers": ("person or group", "name"),
}
#: Page (its path) and query on which an object is seen; "{id}" stands for its number.
PAGES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "alert_history": ("alerts", {"id": "{id}"}),
    "alert_routes": ("alerts", {"tab": "channels"}),
    "alerts": ("alerts", {}),
    "allocation_rules": ("allocation", {"tab": "rules"}),
    "anomalies": ("anomalies", {"id": "{id}"}),
    "api_tokens": ("settings", {"tab": "tokens"}),
    "budgets": ("forecast", {"tab": "budgets"}),
    "closed_periods": ("allocation", {"tab": "statement"}),
    "cost_splits": ("allocation", {"tab": "rules"}),
    "price_adjustments": ("settings", {}),
    "recommendations": ("recommendations", {"id": "{id}"}),
    "reports": ("reports", {"id": "{id}"}),
    "run_requests": ("health", {}),
    "split_weights": ("allocation", {"tab": "rules"}),
    "tag_policies": ("tags", {}),
    "team_members": ("allocation", {"tab": "teams"}),
    "teams": ("allocation", {"tab": "teams"}),
    "viewers": ("settings", {"tab": "people"}),
}
_ACTIONS = {"insert": "Made", "update": "Changed", "delete": "Deleted"}
#: What every save changes, and says nothing.
_BOOKKEEPING = frozenset({"updated_at", "version", "decided_at", "decided_by", "created_at", "id"})
_OF_TEAMS = frozenset({"team_id", "team_ids", "parent_team_id"})
#: Changes that a line names; further ones are counted, and all are in the drawer.
_NAMED = 3
_LONGEST = 60


def price_name(document: PriceAdjustmentDocument) -> str:
    """What an adjustment is called in lists: its note, or its pattern, and since when."""
    return f"{document.note or document.sku_pattern} from {formats.day(document.valid_from)}"


def price_state(document: PriceAdjustmentDocument, today: date) -> str:
    """Whether it holds today: In force, Future or Past."""
    if document.valid_from > today:
        return "Future"
    return "Past" if document.valid_to is not None and document.valid_to < today else "In force"


def price(document: PriceAdjustmentDocument, currency: str) -> str:
    """-12.5 %, or $0.35 per unit, with all their digits."""
    if document.fixed_rate is not None:
        return f"{formats.symbol(currency)}{plain_number(document.fixed_rate)} per unit"
    percentage = document.percentage or Decimal(0)
    return f"{'+' if percentage > 0 else ''}{plain_number(percentage)} %"


def kind(table: str) -> str:
    """What a row of a table is called."""
    return OBJECTS[table][0] if table in OBJECTS else table.replace("_", " ")


def called(entry: Entry, names: Names) -> str:
    """What the object is called, by the newest row that is known; its number where it has no name."""
    column = OBJECTS.get(entry.table_name, ("", ""))[1]
    value = entry.row.get(column)
    return f"number {entry.row_id}" if value is None else cell(column, value, names)


def what(entry: Entry, names: Names) -> str:
    """A change in words: Changed rule “nightly”: priority 3 -> 2."""
    said = f"{_ACTIONS[entry.action]} {kind(entry.table_name)} “{_short(called(entry, names))}”"
    if entry.action != "update":
        return said
    changed = [
        f"{field.replace('_', ' ')} {_short(cell(field, before, names))} -> {_short(cell(field, after, names))}"
        for field, (before, after) in entry.changed.items()
        if field not in _BOOKKEEPING
    ]
    if not changed:
        return f"{said}: saved without a change"
    more = f" and {formats.count(len(changed) - _NAMED, 'more change')}" if len(changed) > _NAMED else ""
    return f"{said}: {', '.join(changed[:_NAMED])}{more}"


def differences(entry: Entry, names: Names) -> Iterator[dict[str, str]]:
    """Every field that differs, before and after; of what was made or deleted all that it has."""
    for field, (before, after) in entry.changed.items():
        yield {
            "Field": field.replace("_", " "),
            "Before": "" if entry.before is None else cell(field, before, names),
            "After": "" if entry.after is None else cell(field, after, names),
        }


def cell(field: str, value: Any, names: Names) -> str:
    """A value of a row as text: teams by name, times in UTC, everything else as it is stored."""
    if value is None:
        return "none"
    if field in _OF_TEAMS:
        return ", ".join(names.one("team", str(each)) for each in (value if isinstance(value, list) else [value]))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return _moment(value) if field.endswith("_at") else value
    return json.dumps(value, ensure_ascii=False)


def _moment(text: str) -> str:
    try:
        return formats.moment(datetime.fromisoformat(text))
    except ValueError:
        return text


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _LONGEST else f"{one_line[: _LONGEST - 1]}…"
