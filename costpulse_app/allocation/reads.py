"""What the page Teams & allocation reads; cached like `queries`, and anew when rules were changed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import formats, people
from costpulse_app.queries import Version
from costpulse_assets.allocation.rule_set import RuleSet, current_version
from costpulse_assets.allocation.stored_rules import read_rules
from costpulse_assets.allocation.suggestions import Suggestion, suggestions
from costpulse_assets.costs.spend import Measure
from costpulse_assets.costs.statements import StatementRow, statement
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection
from costpulse_assets.resources.sql_files import load_sql

_FEW = 16


@dataclass(frozen=True)
class Rules:
    """What is stored: the documents, and id and version by the name of a rule or split."""

    version: int
    rule_set: RuleSet
    rules: Mapping[str, tuple[int, int]]
    splits: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class TeamCost:
    """Cost of one team (None: Unallocated) by one method, in a period and in the one before; None without a price."""

    team_id: str | None
    method: str
    now: Decimal | None
    before: Decimal | None


@dataclass(frozen=True)
class Difference:
    """A day on which allocated + unallocated is not the cost, in USD."""

    day: date
    allocated: Decimal
    cost: Decimal


@dataclass(frozen=True)
class RulesShown:
    """The newest rule version that all days show, and the days that wait for a later one."""

    version: int
    days_waiting: int


@dataclass(frozen=True)
class Closing:
    """A month that is closed."""

    month: date
    closed_at: datetime
    closed_by: str
    is_automatic: bool
    note: str | None


def rules_version() -> int:
    """The number of the last change of rules; asked on every rerun, never cached."""
    with _rows() as connection:
        return current_version(connection)


@st.cache_data(show_spinner=False, max_entries=_FEW)
def rules(version: Version, rules_version: int) -> Rules:
    """The stored rules."""
    with _rows() as connection:
        # Not the version that was asked for: somebody may have saved since, and what is edited goes by what was read.
        number = current_version(connection)
        stored = read_rules(connection)
    return Rules(
        number,
        stored.rule_set,
        {row["name"]: (row["id"], row["version"]) for row in stored.rules},
        {row["name"]: (row["id"], row["version"]) for row in stored.splits},
    )


@st.cache_data(show_spinner=False, max_entries=_FEW)
def by_team(version: Version, period: Period, before: Period, measure: Measure) -> list[TeamCost]:
    """Cost per team and method, teams in order of creation, Unallocated last."""
    name = "list_cost" if measure == "list" else "cost"
    return [
        TeamCost(
            None if row["team_id"] is None else str(row["team_id"]),
            row["method"],
            row[f"{name}_usd"],
            row[f"{name}_before_usd"],
        )
        for row in _read("app/allocation_by_team", _windows(period, before))
    ]


@st.cache_data(show_spinner=False, max_entries=_FEW)
def differences(version: Version, period: Period, before: Period) -> list[Difference]:
    """The days that do not add up; empty when all is well."""
    return [
        Difference(row["usage_date"], row["allocated_usd"], row["cost_usd"])
        for row in _read("app/allocation_differences", _windows(period, before))
    ]


@st.cache_data(show_spinner=False, max_entries=_FEW)
def rules_shown(version: Version, rules_version: int) -> RulesShown:
    """See `RulesShown`."""
    (row,) = _read("app/rules_shown")
    return RulesShown(row["version"], row["days_waiting"])


@st.cache_data(show_spinner=False, max_entries=_FEW)
def cost_by_rule(version: Version, period: Period, measure: Measure) -> dict[tuple[str, int], Decimal | None]:
    """What each rule and split has claimed, by ("rule" or "split", id); those that claimed nothing are left out."""
    name = "list_cost_usd" if measure == "list" else "cost_usd"
    return {
        ("split", row["split_id"]) if row["rule_id"] is None else ("rule", row["rule_id"]): row[name]
        for row in _read("app/cost_by_rule", {"first": period.first, "last": period.last})
    }


def suggested() -> list[Suggestion]:
    """What is suggested now; not cached: accepting one takes it off the list."""
    with _rows() as connection:
        return suggestions(connection)


def changed_by(team_id: int | None = None) -> str:
    """Who changed the rules, or the members of a team, last, as a sentence for somebody who was second; not cached."""
    rows = _read("app/rules_last_change", {"team_id": team_id})
    last = f" by {rows[0]['actor']} at {formats.moment(rows[0]['changed_at'])}" if rows else ""
    return f"Changed{last}; reload to see it."


def teams_in_scope() -> dict[str, int]:
    """Ids of the teams of which the viewer may edit the members, by name; not cached: another scope has others."""
    return {row["name"]: row["id"] for row in _read("app/teams_in_scope")}


def closings() -> dict[date, Closing]:
    """The closed months, oldest first; not cached: closing and reopening change no other version."""
    return {row["month"]: Closing(**row) for row in _read("app/closed_months")}


def lines(month: date) -> list[StatementRow]:
    """See `statement`; not cached, as `closings`."""
    with _rows() as connection:
        return statement(connection, month)


@contextmanager
def _rows() -> Iterator[Connection]:
    """`people.reading` with rows as dicts, as functions of costpulse_assets take it."""
    with people.reading() as connection:
        connection.row_factory = dict_row
        yield connection


def _windows(period: Period, before: Period) -> dict[str, date]:
    return {
        "first": period.first,
        "last": period.last,
        "before_first": before.first,
        "before_last": before.last,
    }


def _read(statement_file: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    with _rows() as connection:
        return connection.execute(load_sql(statement_file).encode(), parameters).fetchall()
