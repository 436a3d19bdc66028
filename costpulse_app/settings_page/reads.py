"""What the page Settings & audit reads: small tables that people edit, read anew in every run and never kept.

Somebody who has just changed a price or a role must see it, and so must everybody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import people
from costpulse_app.queries import Version
from costpulse_app.settings_page.state import EVERYBODY, PEOPLE, Choice
from costpulse_assets.allocation.price_adjustments import StoredPriceAdjustment, price_adjustment_rows
from costpulse_assets.api_tokens import stored_tokens
from costpulse_assets.people import StoredViewer, stored_viewers
from costpulse_assets.resources.database import Row
from costpulse_assets.resources.sql_files import load_sql

#: Entries on a page of the audit log, and in a file of it.
ENTRIES, MOST_IN_A_FILE = 200, 50_000


@dataclass(frozen=True)
class Entry:
    """A change in the audit log, with the row before and after; None where there was none."""

    id: int
    changed_at: datetime
    actor: str
    table_name: str
    row_id: str | None
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def row(self) -> Mapping[str, Any]:
        """The row as it is now, or as it was last."""
        return self.after or self.before or {}

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """What differs: field to value before and after."""
        before, after = self.before or {}, self.after or {}
        return {
            field: (before.get(field), after.get(field))
            for field in {**after, **before}
            if before.get(field) != after.get(field)
        }


def price_adjustments() -> list[StoredPriceAdjustment]:
    """Every price adjustment, the older ones first."""
    with people.reading() as connection:
        connection.row_factory = dict_row
        return price_adjustment_rows(connection)


def days_waiting() -> int:
    """Collected days that the next run prices anew."""
    (row,) = _read("app/setting_price_waiting", {})
    return int(row["days"])


@st.cache_data(show_spinner=False, max_entries=50)
def skus_hit(version: Version, pattern: str) -> list[str]:
    """SKUs seen so far that a pattern hits."""
    return [row["sku_name"] for row in _read("app/setting_price_skus", {"pattern": pattern})]


def viewers() -> list[StoredViewer]:
    """Everybody who may use the app by a row of the table."""
    with people.reading() as connection:
        connection.row_factory = dict_row
        return stored_viewers(connection)


def tokens() -> list[Row]:
    """Every token that was ever made."""
    with people.reading() as connection:
        connection.row_factory = dict_row
        return stored_tokens(connection)


def entries(choice: Choice, *, most: int, skipped: int = 0) -> list[Entry]:
    """Changes that fit, the newest first."""
    parameters = {
        "actor": None if choice.who in (PEOPLE, EVERYBODY) else choice.who,
        "people_only": choice.who == PEOPLE,
        "table": choice.object or None,
        "first": choice.days and choice.days.first,
        "last": choice.days and choice.days.last,
        "most": most,
        "skipped": skipped,
    }
    return [Entry(**row) for row in _read("app/audit_entries", parameters)]


def entry(number: int) -> Entry | None:
    """A change by its number; None where there is none."""
    return next((Entry(**row) for row in _read("app/audit_entry", {"id": number})), None)


def known() -> tuple[list[str], list[str]]:
    """Actors, and tables, that the audit log can be narrowed to."""
    rows = _read("app/audit_known", {})
    actors = sorted((row["value"] for row in rows if row["kind"] == "actor"), key=str.casefold)
    return actors, [row["value"] for row in rows if row["kind"] == "object"]


def _read(statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()
