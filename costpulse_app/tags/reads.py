"""What the page Tag compliance reads; cached until tags are judged anew or a policy changes, never by a timer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import people
from costpulse_app.queries import Version
from costpulse_assets.allocation.tag_policies import StoredTagPolicy, stored_tag_policies
from costpulse_assets.analysis.tag_compliance import TagScore, tag_coverage, tag_score
from costpulse_assets.costs.spend import Selection
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Row
from costpulse_assets.resources.sql_files import load_sql

_ENTRIES = 200
#: Resources that the table shows; the file has all of them.
LARGEST = 500


@dataclass(frozen=True)
class Where:
    """Which cost is looked at: workspaces and teams by id, NONE for cost without; None: all."""

    workspaces: tuple[str, ...] | None = None
    teams: tuple[str, ...] | None = None

    @classmethod
    def of(cls, selection: Selection) -> "Where":
        """The part of the filter bar that applies to tags."""
        only = dict(selection.only)
        return cls(only.get("workspace"), only.get("team"))

    @property
    def parameters(self) -> dict[str, Any]:
        """As the statements take it."""
        return {
            "workspaces": None if self.workspaces is None else list(self.workspaces),
            "teams": None if self.teams is None else list(self.teams),
        }


@dataclass(frozen=True)
class State:
    """What was judged: up to which day (None: nothing yet), and how many days wait to be judged again."""

    policies: int
    policies_at: datetime | None
    judged_to: date | None
    violations_at: datetime | None
    days_waiting: int


@dataclass(frozen=True)
class KeyScore:
    """Cost by what is wrong with one key, in USD; `inherited` is a part of `valid`."""

    tag_key: str
    valid_cost_usd: Decimal
    inherited_cost_usd: Decimal
    wrong_cost_usd: Decimal
    missing_cost_usd: Decimal
    not_required_cost_usd: Decimal

    @property
    def judged_cost_usd(self) -> Decimal:
        """Cost that the key is required of."""
        return self.valid_cost_usd + self.wrong_cost_usd + self.missing_cost_usd

    @property
    def share(self) -> Decimal | None:
        """The valid part, 0 to 1; None where there is nothing to judge, or corrections outweigh it."""
        parts = (self.valid_cost_usd, self.wrong_cost_usd, self.missing_cost_usd)
        return None if min(parts) < 0 or not any(parts) else self.valid_cost_usd / self.judged_cost_usd


@dataclass(frozen=True)
class OwnerCost:
    """What the resources of an owner cost that lack tags; owner None: nobody is known."""

    owner: str | None
    resources: int
    cost_usd: Decimal
    violating_cost_usd: Decimal


def state() -> State:
    """Asked once per rerun, never cached."""
    (row,) = _rows("app/tag_state")
    return State(**row)


def version(data: Version, known: State) -> Version:
    """The version of the data and of everything that this page shows of it."""
    return (*data, *(getattr(known, field.name) for field in fields(known)))


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def scores(
    version: Version, dimension: Literal["day", "team"], period: Period, where: Where
) -> dict[str | None, TagScore]:
    """The score per day (ISO) or team (id, None: Unallocated); days without cost are left out."""
    days = {"first_date": period.first, "last_date": period.last}
    rows = _rows("app/tag_scores", {"dimension": dimension, **days, **where.parameters})
    return {row["value_id"]: tag_score(row) for row in rows}


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def keys(version: Version, period: Period, where: Where) -> list[KeyScore]:
    """One per key that was judged on these days, by name."""
    days = {"first_date": period.first, "last_date": period.last}
    return [KeyScore(**row) for row in _rows("app/tag_key_scores", {**days, **where.parameters})]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def violations(
    version: Version, where: Where, key: str | None, owner: str | None, largest: int | None = LARGEST
) -> list[Row]:
    """Resources that lack tags, worst first: rows of sql/app/tag_violations.sql.

    Args:
        version: of what is shown.
        where: whose cost.
        key: only those with a fault of this key.
        owner: only those of this owner; NONE: of nobody known.
        largest: how many; None: all.
    """
    return _rows("app/tag_violations", {"key": key, "owner": owner, "largest": largest, **where.parameters})


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def owners(version: Version, where: Where) -> list[OwnerCost]:
    """Whose resources lack tags, most expensive first."""
    return [OwnerCost(**row) for row in _rows("app/tag_violation_owners", where.parameters)]


@st.cache_data(show_spinner=False, max_entries=4)
def policies(version: Version) -> list[StoredTagPolicy]:
    """All of them, by key."""
    with people.reading() as connection:
        connection.row_factory = dict_row
        return stored_tag_policies(connection)


@st.cache_data(show_spinner=False, max_entries=4)
def keys_found(version: Version) -> list[Row]:
    """See `tag_coverage`: takes as long as judging 30 days."""
    with people.trying() as connection:
        return tag_coverage(connection)


def added(of: Iterable[TagScore]) -> TagScore:
    """Several scores as one."""
    found = list(of)
    amounts: dict[str, Any] = {
        field.name: sum((getattr(each, field.name) for each in found), Decimal(0)) for field in fields(TagScore)
    }
    for name in ("judged_resources", "compliant_resources"):
        amounts[name] = int(amounts[name])
    return TagScore(**amounts)


def _rows(statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()
