"""What the pages read of forecasts, budgets and change bridges; cached until one of them changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import people
from costpulse_app.queries import Version
from costpulse_assets.allocation.budgets import StoredBudget, stored_budgets
from costpulse_assets.analysis.series import Scope
from costpulse_assets.periods import Period
from costpulse_assets.resources.sql_files import load_sql

_ENTRIES = 200


@dataclass(frozen=True)
class Landing:
    """What a month will cost in all, as said from the last final day `data_until`; USD."""

    scope_id: str
    data_until: date
    month: date
    spent_usd: Decimal
    predicted_cost: Decimal
    lower_bound: Decimal
    upper_bound: Decimal
    level: float
    model_type: str
    reason: str


@dataclass(frozen=True)
class FirstLanding:
    """What was said about a month when it was forecast first; USD."""

    month: date
    data_until: date
    predicted_cost: Decimal
    lower_bound: Decimal
    upper_bound: Decimal


@dataclass(frozen=True)
class Day:
    """A day to come; USD."""

    forecast_date: date
    predicted_cost: Decimal
    lower_bound: Decimal
    upper_bound: Decimal


@dataclass(frozen=True)
class Week:
    """What an issue said about the seven days after `data_until`; USD."""

    data_until: date
    is_backtest: bool
    predicted_cost: Decimal
    naive_cost: Decimal


@dataclass(frozen=True)
class Score:
    """How good forecasts were at one distance; shares, None where nothing was spent."""

    horizon_bucket: str
    is_backtest: bool
    issues: int
    days: int
    wape: float | None
    naive_wape: float | None
    bias: float | None
    coverage: float
    actual_usd: float


@dataclass(frozen=True)
class BudgetPeriod:
    """Where a budget stands, or stood, in one of its periods: a row of budget_status."""

    budget_id: int
    budget_name: str
    scope_type: str
    scope_id: str
    amount: Decimal
    period_start: date
    period_end: date
    data_until: date
    state: str
    spent_usd: Decimal
    own_spent_usd: Decimal | None
    provisional_usd: Decimal
    used_share: float
    elapsed_share: float
    projected_usd: Decimal | None
    lower_bound: Decimal | None
    upper_bound: Decimal | None
    level: float
    probability_exceeded: float | None
    breach_date: date | None
    note: str | None

    @property
    def period(self) -> Period:
        """Its days."""
        return Period(self.period_start, self.period_end)


@dataclass(frozen=True)
class ProbabilityScore:
    """How good the probabilities of periods that are over were."""

    is_backtest: bool
    probabilities: int
    periods: int
    exceeded_share: float
    brier_score: float


@dataclass(frozen=True)
class Calibration:
    """Of what was said between `fifth` / 5 and a fifth more: what was said in the mean, and how often it happened."""

    is_backtest: bool
    fifth: int
    probabilities: int
    periods: int
    said: float
    exceeded: float


@dataclass(frozen=True)
class BridgeRow:
    """One part of a change bridge; see costpulse_assets.costs.change_bridge."""

    comparison: str
    then_first: date
    then_last: date
    now_first: date
    now_last: date
    part: str
    amount_usd: Decimal
    then_usd: Decimal
    now_usd: Decimal
    detail: Mapping[str, Any]


def version(data: Version) -> Version:
    """The version of the data and of what was made of it; asked once per rerun, never cached."""
    (row,) = _rows("app/forecast_version")
    return (*data, *row.values())


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def landings(version: Version, scope: Scope) -> list[Landing]:
    """This month and the next ones of a scope, by the newest issue; empty where it has none."""
    return [Landing(**row) for row in _rows("app/forecast_landings", _of(scope))]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def landings_of_type(version: Version, scope_type: str) -> list[Landing]:
    """The same of all scopes of a type."""
    return [Landing(**row) for row in _rows("app/forecast_landings", {"scope_type": scope_type, "scope_id": None})]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def first_landings(version: Version, scope: Scope) -> list[FirstLanding]:
    """What was said first about each month, oldest first."""
    return [FirstLanding(**row) for row in _rows("app/forecast_first_landings", _of(scope))]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def days(version: Version, scope: Scope, data_until: date) -> list[Day]:
    """The days that an issue reaches, oldest first."""
    return [Day(**row) for row in _rows("app/forecast_days", {**_of(scope), "data_until": data_until})]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def weeks(version: Version, scope: Scope, since: date) -> list[Week]:
    """One issue a week, oldest first."""
    return [Week(**row) for row in _rows("app/forecast_weeks", {**_of(scope), "since": since})]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def scores(version: Version, scope: Scope, since: date) -> list[Score]:
    """How good the issues since a day were, nearest days first."""
    return [Score(**row) for row in _rows("app/forecast_scores", {**_of(scope), "since": since})]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def costs(version: Version, scope: Scope, period: Period) -> dict[date, Decimal]:
    """Cost of a scope by day in USD, a team with the teams below it; days without any are left out."""
    rows = _rows("app/forecast_costs", {**_of(scope), "first": period.first, "last": period.last})
    return {row["usage_date"]: row["cost_usd"] for row in rows}


@st.cache_data(show_spinner=False, max_entries=4)
def teams_with_teams_below(version: Version) -> set[str]:
    """Their ids."""
    return {row["parent_team_id"] for row in _rows("transform/team_parents")} - {None}


@st.cache_data(show_spinner=False, max_entries=4)
def budgets(version: Version) -> list[StoredBudget]:
    """All of them, by name."""
    with people.reading() as connection:
        connection.row_factory = dict_row
        return stored_budgets(connection)


@st.cache_data(show_spinner=False, max_entries=4)
def budget_periods(version: Version) -> list[BudgetPeriod]:
    """All periods of all budgets, newest first within a budget."""
    return [BudgetPeriod(**row) for row in _rows("app/budget_periods")]


@st.cache_data(show_spinner=False, max_entries=4)
def probability_scores(version: Version) -> list[ProbabilityScore]:
    """See `ProbabilityScore`: what was said while periods ran, and backtests."""
    return [ProbabilityScore(**row) for row in _rows("app/budget_scores")]


@st.cache_data(show_spinner=False, max_entries=4)
def calibration(version: Version) -> list[Calibration]:
    """See `Calibration`, lowest first."""
    return [Calibration(**row) for row in _rows("app/budget_calibration")]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def bridge(version: Version, scope: Scope) -> list[BridgeRow]:
    """All parts of all comparisons of a scope; empty where none was made."""
    return [BridgeRow(**row) for row in _rows("app/change_bridge", _of(scope))]


def current(periods: list[BudgetPeriod]) -> dict[int, BudgetPeriod]:
    """By budget: the period that runs, else the one to come, else the last one."""
    found: dict[int, BudgetPeriod] = {}
    for period in sorted(periods, key=lambda each: (_STATES.index(each.state), -each.period_start.toordinal())):
        found.setdefault(period.budget_id, period)
    return found


def budget_of(version: Version, scope: Scope | None) -> BudgetPeriod | None:
    """The budget of a scope that runs now; of several the one with the shortest period."""
    active = {
        budget.id
        for budget in budgets(version)
        if budget.document.is_active and Scope(budget.document.scope_type, budget.scope_id) == scope
    }
    running = [
        status
        for budget_id, status in current(budget_periods(version)).items()
        if budget_id in active and status.state == "running"
    ]
    return min(running, key=lambda each: (len(each.period), each.budget_id), default=None)


_STATES = ("running", "future", "ended")


def _of(scope: Scope) -> dict[str, str]:
    return {"scope_type": scope.type, "scope_id": scope.id}


def _rows(statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()
