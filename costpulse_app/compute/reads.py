"""What the pages about machines read: clusters and SQL warehouses, with the viewer's own share of their cost.

A machine is known by its kind of id (cluster or warehouse) and workspace/id, as in filters and anomalies. Amounts are
sums of daily_key_costs, as in the cost explorer; hours, CPU and memory are those of the whole machine.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import people
from costpulse_app.queries import LARGEST, Version
from costpulse_assets.costs.spend import NONE, Selection
from costpulse_assets.periods import Period
from costpulse_assets.resources.sql_files import load_sql

#: Days that the trend of a row shows, and that a machine may not have been billed and still counts as one of now.
TREND_DAYS = 30


@dataclass(frozen=True)
class Facts:
    """What is known of a machine now; None where the source does not say.

    Attributes:
        machine_type: cluster or warehouse.
        kind: all-purpose, job, pipeline, warehouse or other; what the bill says where the list does not.
        state: running, idle, stopped, deleted or unknown.
        node_type: of the workers, or of the driver where there are none; the size of a warehouse.
        min_size: fewest workers, or clusters of a warehouse; equal to max_size where it does not scale.
        auto_stop_minutes: until it ends by itself; 0 and None of a cluster: never.
        never_stops: it exists and does not end by itself.
        last_billed: newest day with a bill of the viewer's.
    """

    machine_type: str
    workspace_id: str | None
    machine_id: str
    name: str | None
    kind: str
    state: str
    state_as_of: datetime | None
    owner: str | None
    node_type: str | None
    min_size: int | None
    max_size: int | None
    auto_stop_minutes: int | None
    never_stops: bool
    is_serverless: bool | None
    photon_enabled: bool | None
    policy_id: str | None
    deleted_at: datetime | None
    last_used_at: datetime | None
    last_billed: date | None

    @property
    def id(self) -> str:
        """As filters and links know it: workspace/id."""
        return f"{self.workspace_id or ''}/{self.machine_id}"


@dataclass(frozen=True)
class Use:
    """Amounts in the chosen price, and how the machines were used; amounts are None where nothing has a price.

    Attributes:
        open_amount: part of `amount` on days that are not final.
        measured_amount: part of `amount` on days of which idle time is known.
        idle_amount: part of `measured_amount` that brought nothing.
        weighed_amount: part of `amount` on days of which CPU and memory are known.
        cpu_amount, mem_amount: sums of daily amount x percent, for means weighted by cost.
    """

    amount: Decimal | None
    open_amount: Decimal | None
    measured_amount: Decimal | None
    idle_amount: Decimal | None
    weighed_amount: Decimal | None
    cpu_amount: Decimal | None
    mem_amount: Decimal | None


@dataclass(frozen=True)
class Machine(Facts, Use):
    """A machine with a bill in the period: hours and percents are over the days of the period with telemetry.

    Attributes:
        trend: amount by day of the last days of the period; for charts.
    """

    up_hours: Decimal | None
    idle_hours: Decimal | None
    cpu_percent: Decimal | None
    mem_percent: Decimal | None
    trend: Mapping[str, float | None]

    @property
    def used_amount(self) -> Decimal | None:
        """What was measured and not idle."""
        return None if self.measured_amount is None else self.measured_amount - (self.idle_amount or Decimal(0))


@dataclass(frozen=True)
class Further(Use):
    """All machines beyond the largest, in one: how many, and their sums."""

    count: int
    up_hours: Decimal | None
    idle_hours: Decimal | None


@dataclass(frozen=True)
class Now:
    """How many machines run, idle or never stop, of those known; at the moment of the newest reading."""

    running: int
    idle: int
    never_stopping: int
    known: int
    state_as_of: datetime | None


@dataclass(frozen=True)
class Detail(Facts):
    """The facts of one machine, and those that only its own page shows."""

    driver_node_type: str | None
    warehouse_type: str | None
    runtime: str | None
    created_at: datetime | None


@dataclass(frozen=True)
class MachineDay:
    """One day of a machine: the viewer's amount, and how the whole of it was used; None where it is not known."""

    usage_date: date
    amount: Decimal | None
    idle_amount: Decimal | None
    up_hours: Decimal | None
    idle_hours: Decimal | None
    node_hours: Decimal | None
    cpu_percent: Decimal | None
    mem_percent: Decimal | None
    start_count: int | None
    executions: int | None
    failed_count: int | None
    users: int | None


@dataclass(frozen=True)
class UserCost:
    """What one user's statements of one kind of source cost on a warehouse; `kind` idle or unknown: a rest."""

    kind: str
    executed_by: str | None
    source_kind: str | None
    executions: int
    execution_seconds: Decimal
    failed_count: int
    cost_usd: Decimal | None


@dataclass(frozen=True)
class SourceCost:
    """What the statements of one kind of source cost on a day; idle and unknown are rests of the bill."""

    usage_date: date
    source_kind: str
    cost_usd: Decimal | None


@dataclass(frozen=True)
class Change:
    """A setting that was given another value."""

    setting: str
    value_before: str | None
    value: str | None
    valid_from: datetime


@dataclass(frozen=True)
class Finding:
    """An open recommendation (amount: what it saves on its own per month) or an anomaly (amount: its difference)."""

    finding: str
    id: int
    title: str
    severity: str
    status: str
    amount: Decimal
    on_date: date
    command: str | None
    acts_on: str | None


@dataclass(frozen=True)
class Question:
    """Which machines are asked for; empty tuples ask for all."""

    period: Period
    last_final: date | None
    selection: Selection
    is_list: bool
    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    is_mostly_idle: bool = False

    def parameters(self) -> dict[str, Any]:
        """As the statements take it."""
        only = dict(self.selection.only)
        teams = only.pop("team", None)
        skus = only.pop("sku", None)
        tags: dict[str, list[str | None]] = {}
        for key, value in self.selection.tags:
            tags.setdefault(key, []).append(value)
        return {
            "first": self.period.first,
            "last": self.period.last,
            "last_final": self.last_final or date.min,
            "trend_from": self.period.last - timedelta(days=TREND_DAYS - 1),
            "chosen": json.dumps(only),
            "tags": json.dumps(tags),
            "skus": None if skus is None else list(skus),
            "teams": None if teams is None else [int(team) for team in teams if team.isdecimal()],
            "is_unallocated": teams is not None and NONE in teams,
            "is_list": self.is_list,
            "kinds": list(self.kinds) or None,
            "states": list(self.states) or None,
            "is_mostly_idle": self.is_mostly_idle,
        }


@st.cache_data(show_spinner=False, max_entries=50)
def machines(version: Version, question: Question) -> tuple[list[Machine], Further | None]:
    """The machines with a bill in the period, dearest first, and the sums of all further ones."""
    rows = _read("app/compute_machines", question.parameters() | {"largest": LARGEST})
    found = [_machine(row) for row in rows if not row["further"]]
    rest = next((row for row in rows if row["further"]), None)
    if rest is None:
        return found, None
    sums = {name: rest[name] for name in (*Use.__dataclass_fields__, "up_hours", "idle_hours")}
    return found, Further(count=rest["further"], **sums)


def every_machine(question: Question) -> list[Machine]:
    """All of them, however many, for a file; not kept."""
    return [_machine(row) for row in _read("app/compute_machines", question.parameters() | {"largest": None})]


@st.cache_data(show_spinner=False, max_entries=20)
def now(version: Version, newest: date, workspaces: tuple[str, ...], kinds: tuple[str, ...]) -> Now:
    """How many machines run now, whatever the period; of the last days with a bill."""
    (row,) = _read(
        "app/compute_now",
        {
            "first": newest - timedelta(days=TREND_DAYS - 1),
            "last": newest,
            "workspaces": list(workspaces) or None,
            "kinds": list(kinds) or None,
        },
    )
    return Now(**row)


@st.cache_data(show_spinner=False, max_entries=100)
def machine(version: Version, machine_type: str, group: str, days: Period) -> Detail | None:
    """One machine; None where it is not there, or not the viewer's to see.

    Args:
        version: of the data.
        machine_type: cluster or warehouse.
        group: workspace/id.
        days: all days with data.
    """
    rows = _read("app/compute_machine", _asked(machine_type, group, days))
    return Detail(**rows[0]) if rows else None


@st.cache_data(show_spinner=False, max_entries=100)
def machine_days(version: Version, machine_type: str, group: str, days: Period, *, is_list: bool) -> list[MachineDay]:
    """The days of a machine on which it was used or billed, oldest first."""
    rows = _read("app/compute_machine_days", _asked(machine_type, group, days) | {"is_list": is_list})
    return [MachineDay(**row) for row in rows]


@st.cache_data(show_spinner=False, max_entries=100)
def users(version: Version, group: str, days: Period) -> list[UserCost]:
    """Who ran statements on a warehouse, and what of its bill is left, dearest first; only who sees all teams."""
    return [UserCost(**row) for row in _read("app/compute_users", _asked("warehouse", group, days))]


@st.cache_data(show_spinner=False, max_entries=100)
def sources(version: Version, group: str, days: Period) -> list[SourceCost]:
    """What sent the statements of a warehouse, by day; only who sees all teams."""
    return [SourceCost(**row) for row in _read("app/compute_sources", _asked("warehouse", group, days))]


@st.cache_data(show_spinner=False, max_entries=100)
def changes(version: Version, machine_type: str, group: str, days: Period) -> list[Change]:
    """Changes of settings of a machine, newest first."""
    return [Change(**row) for row in _read("app/compute_changes", _asked(machine_type, group, days))]


def findings(machine_type: str, group: str, days: Period) -> list[Finding]:
    """Open recommendations and anomalies about a machine; not cached: a decision of anybody shows at once."""
    return [Finding(**row) for row in _read("app/compute_findings", _asked(machine_type, group, days))]


def _asked(machine_type: str, group: str, days: Period) -> dict[str, Any]:
    workspace, _, machine_id = group.partition("/")
    return {
        "machine_type": machine_type,
        "workspace": workspace,
        "machine_id": machine_id,
        "first": days.first,
        "last": days.last,
    }


def _machine(row: Mapping[str, Any]) -> Machine:
    values = {name: row[name] for name in Machine.__dataclass_fields__}
    return Machine(**values | {"trend": values["trend"] or {}})


def _read(statement: str, parameters: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()
