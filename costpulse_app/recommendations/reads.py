"""What the page Recommendations reads: cached until a run finds, measures or counts anew, or somebody decides.

`scope` narrows the rows that are seen, and so is an argument of every function.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import people
from costpulse_app.queries import Version
from costpulse_assets.periods import Period
from costpulse_assets.resources.sql_files import load_sql

#: Whole weeks that the trend of unit costs shows, and resources that are named as the dearest.
WEEKS, DEAREST = 26, 15
#: Days that unit costs are of, and as many before to compare with.
UNIT_DAYS = 28


@dataclass(frozen=True)
class Recommendation:
    """What a list shows of a recommendation; columns of costpulse.recommendations."""

    id: int
    type: str
    workspace_id: str | None
    resource_type: str
    resource_id: str
    resource_name: str | None
    bearer_type: str
    bearer_id: str
    severity: str
    title: str
    team_id: int | None
    person: str | None
    estimated_savings: Decimal
    standalone_savings: Decimal
    resource_cost_usd: Decimal
    wasted_usd: Decimal | None
    confidence: str
    window_first: date
    window_last: date
    found_first_at: datetime
    found_at: datetime
    gone_at: datetime | None
    status: str
    assigned_to: str | None
    due_date: date | None
    done_on: date | None
    dismissed_until: date | None
    decided_by: str | None
    decided_at: datetime | None

    @property
    def window(self) -> Period:
        """The days whose cost it rests on."""
        return Period(self.window_first, self.window_last)

    @property
    def resource(self) -> str:
        """What it is about, as filters and names know it: workspace/id."""
        return f"{self.workspace_id or ''}/{self.resource_id}"

    @property
    def bearer(self) -> str:
        """What is billed for it: workspace/id."""
        return f"{self.workspace_id or ''}/{self.bearer_id}"


@dataclass(frozen=True)
class Detail:
    """The rest of a recommendation; evidence by the names that its type declares, numbers as they are stored."""

    acts_on: str
    vm_savings: Decimal | None
    vm_savings_source: str | None
    confidence_reason: str
    evidence: Mapping[str, Any]
    calculation: str
    setting: str | None
    setting_from: str | None
    setting_to: str | None
    command: str | None
    status_reason: str | None
    dismissed_savings: Decimal | None
    note: str | None


@dataclass(frozen=True)
class Decision:
    """One change of status, of who makes the change, or of the note."""

    changed_at: datetime
    actor: str
    status_before: str
    status: str
    reason_before: str | None
    reason: str | None
    dismissed_until: date | None
    done_on: date | None
    assigned_before: str | None
    assigned_to: str | None
    due_before: date | None
    due_date: date | None
    note_before: str | None
    note: str | None


@dataclass(frozen=True)
class Outcome:
    """The newest measurement of a change; columns of costpulse.recommendation_outcomes.

    Attributes:
        counts: it is proved, and no other row counts the same change.
    """

    recommendation_id: int | None
    workspace_id: str | None
    resource_type: str
    resource_id: str
    resource_name: str | None
    bearer_type: str
    bearer_id: str
    team_id: int | None
    setting: str | None
    setting_from: str | None
    setting_to: str | None
    changed_on: date
    measured_on: date
    measured_from: date | None
    days_after: int
    actual_cost_usd: Decimal | None
    counterfactual_usd: Decimal | None
    counterfactual_lower_usd: Decimal | None
    counterfactual_upper_usd: Decimal | None
    saving_per_30_days_usd: Decimal | None
    saving_per_30_days_lower_usd: Decimal | None
    saving_per_30_days_upper_usd: Decimal | None
    verdict: str
    sentence: str
    counts: bool

    @property
    def resource(self) -> str:
        """What was changed, as filters and names know it: workspace/id."""
        return f"{self.workspace_id or ''}/{self.resource_id}"

    @property
    def bearer(self) -> str:
        """What is billed for it: workspace/id."""
        return f"{self.workspace_id or ''}/{self.bearer_id}"


@dataclass(frozen=True)
class UnitCost:
    """Cost and number of a unit in two windows of days: what one costs is their ratio."""

    cost_usd: Decimal | None
    units: Decimal
    cost_before_usd: Decimal | None
    units_before: Decimal

    @property
    def each(self) -> Decimal | None:
        """Cost of one now; None where there was none, or nothing has a price."""
        return ratio(self.cost_usd, self.units)

    @property
    def each_before(self) -> Decimal | None:
        """Cost of one in the days before."""
        return ratio(self.cost_before_usd, self.units_before)


@dataclass(frozen=True)
class ResourceUnitCost(UnitCost):
    """The same of one job, warehouse or workspace."""

    resource_type: str
    workspace_id: str | None
    resource_id: str | None


def ratio(cost: Decimal | None, units: Decimal | None) -> Decimal | None:
    """Cost of one; None where nothing is known of it."""
    return None if cost is None or not units else cost / units


def version(of_data: Version) -> Version:
    """The version of what this page shows: that of the data, and of what runs and people have made of it."""
    (row,) = _read("app/recommendation_version", {})
    return (*of_data, *row.values())


@st.cache_data(show_spinner=False, max_entries=8)
def recommendations(version: Version) -> list[Recommendation]:
    """All that may be seen, whatever their status."""
    return [Recommendation(**row) for row in _read("app/recommendation_list", {})]


@st.cache_data(show_spinner=False, max_entries=200)
def detail(version: Version, number: int) -> Detail | None:
    """The rest of a recommendation; None where it is not there, or not to be seen."""
    rows = _read("app/recommendation_detail", {"id": number})
    return Detail(**rows[0] | {"evidence": json.loads(rows[0]["evidence"], parse_float=Decimal)}) if rows else None


@st.cache_data(show_spinner=False, max_entries=200)
def history(version: Version, number: int) -> list[Decision]:
    """What was decided about a recommendation, oldest first."""
    return [Decision(**row) for row in _read("app/recommendation_history", {"id": number})]


@st.cache_data(show_spinner=False, max_entries=8)
def outcomes(version: Version) -> list[Outcome]:
    """What changes saved, newest measurement of each, largest saving first."""
    names = Outcome.__dataclass_fields__
    return [Outcome(**{name: row[name] for name in names}) for row in _read("app/recommendation_outcomes", {})]


@st.cache_data(show_spinner=False, max_entries=50)
def unit_costs(version: Version, last: date, workspaces: tuple[str, ...] = ()) -> dict[str, UnitCost]:
    """Each unit in the 28 days to the last final one, and in the 28 before; only who sees everything gets rows."""
    rows = _read("app/unit_costs", {"last": last, "workspaces": list(workspaces) or None})
    return {row.pop("unit"): UnitCost(**row) for row in rows}


@st.cache_data(show_spinner=False, max_entries=50)
def unit_cost_weeks(
    version: Version, last: date, workspaces: tuple[str, ...] = ()
) -> dict[str, dict[date, Decimal | None]]:
    """What one cost in each week that is over and final, by unit and Monday, oldest first."""
    end = last - timedelta(days=(last.weekday() + 1) % 7)
    parameters = {
        "first": end - timedelta(weeks=WEEKS) + timedelta(days=1),
        "last": end,
        "workspaces": list(workspaces) or None,
    }
    found: dict[str, dict[date, Decimal | None]] = {}
    for row in _read("app/unit_cost_weeks", parameters):
        found.setdefault(row["unit"], {})[row["week"]] = ratio(row["cost_usd"], row["units"])
    return found


@st.cache_data(show_spinner=False, max_entries=50)
def dearest(version: Version, unit: str, last: date, workspaces: tuple[str, ...] = ()) -> list[ResourceUnitCost]:
    """The jobs, warehouses or workspaces whose unit costs most, dearest first."""
    parameters = {"unit": unit, "last": last, "workspaces": list(workspaces) or None, "most": DEAREST}
    return [ResourceUnitCost(**row) for row in _read("app/unit_cost_resources", parameters)]


def _read(statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()
