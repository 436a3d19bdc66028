"""What the pages Jobs and Job read. Money is Decimal, in the price basis of the page; ids are workspace/job.

What a job costs is what the cost explorer says of it (`queries.by_group`); what its runs cost is what the bill names
them for, and the rest of the job's cost is outside of runs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import people
from costpulse_app.queries import Version
from costpulse_assets.costs.spend import Measure, Selection
from costpulse_assets.periods import Period
from costpulse_assets.resources.sql_files import load_sql

#: Filters that runs have as well: by what they belong to, and by the share of the job's cost that rows of the bill with
#: that team or tag have. Others would cut a run into parts that the bill does not know.
APPLIED = ("workspace", "team", "job")
#: Runs on one page of the list, and in the chart.
PAGE, IN_CHART = 200, 1_000
_ENTRIES = 200


@dataclass(frozen=True)
class JobRuns:
    """The runs of a job in a period; id None: runs that name no job.

    Attributes:
        id: workspace/job.
        name: what its newest run was called.
        runs: how many began.
        succeeded: of those.
        ended: of those that ran at all.
        lost_runs: that failed, timed out, broke off or were cancelled.
        without_cost: that began and are not in the bill.
        billed: what the bill names runs for on the days of the period.
        lost: of that, what brought nothing.
        shared: what runs used of shared clusters and warehouses; never part of billed.
        median_cost, p95_cost: of a run that began in the period and is over, whole.
        compute_types, results: what occurs.
    """

    id: str | None
    name: str | None
    runs: int
    succeeded: int
    ended: int
    lost_runs: int
    without_cost: int
    billed: Decimal
    lost: Decimal
    shared: Decimal | None
    median_cost: Decimal | None
    p95_cost: Decimal | None
    compute_types: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(frozen=True)
class Medians:
    """The median cost of a run of the last 14 final days, and of the 28 before, with the number of runs."""

    runs_now: int
    median_now: Decimal
    runs_before: int
    median_before: Decimal

    @property
    def change(self) -> Decimal | None:
        """As a share of before; None where that was nothing."""
        return (self.median_now - self.median_before) / self.median_before if self.median_before > 0 else None

    @property
    def added(self) -> Decimal:
        """What the runs of the last 14 days cost more than as many at the median before."""
        return (self.median_now - self.median_before) * self.runs_now


@dataclass(frozen=True)
class Facts:
    """What a job is; columns of costpulse.jobs."""

    name: str | None
    owner: str | None
    creator: str | None
    schedule: str | None
    trigger_type: str | None
    paused: bool | None
    create_time: datetime | None
    delete_time: datetime | None


@dataclass(frozen=True)
class Bearer:
    """The team that bears most of a job (None: unallocated), and how many bear a part of it."""

    team_id: int | None
    teams: int


@dataclass(frozen=True)
class Run:
    """One run; amount is its whole cost on its basis, window_amount what is billed for it on the days of the period."""

    run_id: str
    run_type: str | None
    trigger_type: str | None
    first_usage_date: date
    last_usage_date: date
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: int | None
    queue_seconds: int | None
    setup_seconds: int | None
    execution_seconds: int | None
    attempts: int
    result: str
    termination_code: str | None
    compute_type: str | None
    cluster_id: str | None
    warehouse_id: str | None
    cost_basis: str | None
    dbu_count: Decimal | None
    amount: Decimal | None
    window_amount: Decimal | None


@dataclass(frozen=True)
class Factors:
    """What is billed for runs in a window, and what that is made of.

    seconds and dbu_count are None where they are not known of all runs.
    """

    runs: int
    seconds: Decimal | None
    dbu_count: Decimal | None
    amount: Decimal


@dataclass(frozen=True)
class Task:
    """Time that tasks of a run spent on one compute on a day."""

    usage_date: date
    compute_type: str
    compute_id: str | None
    task_seconds: int


@dataclass(frozen=True)
class Record:
    """What the bill names a run for, by day, SKU, unit and price."""

    usage_date: date
    sku_name: str
    usage_unit: str
    is_serverless: bool
    usage_quantity: Decimal
    dbu_rate: Decimal | None
    effective_rate: Decimal | None
    list_cost_usd: Decimal | None
    cost_usd: Decimal | None


@dataclass(frozen=True)
class Event:
    """An anomaly of a job, or mainly caused by it."""

    id: int
    scope_type: str
    scope_id: str
    kind: str
    severity: str
    status: str
    start_date: date
    last_date: date
    actual_usd: Decimal
    impact_usd: Decimal


@dataclass(frozen=True)
class Advice:
    """A recommendation about a job; savings per 30 days."""

    id: int
    title: str
    status: str
    estimated_savings: Decimal
    wasted_usd: Decimal | None
    confidence: str


@dataclass(frozen=True)
class Known:
    """Whether the viewer may know of a job, and what its runs are called."""

    has_cost: bool
    has_runs: bool
    run_name: str | None


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def listing(version: Version, period: Period, selection: Selection, measure: Measure) -> list[JobRuns]:
    """One row per job that has runs in the period."""
    return [
        JobRuns(
            id=_id(row.pop("workspace_id"), row.pop("job_id")),
            compute_types=tuple(sorted(row.pop("compute_types"))),
            results=tuple(sorted(row.pop("results"))),
            **row,
        )
        for row in _rows("app/jobs_listing", _bound(selection, measure) | _days(period))
    ]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def medians(version: Version, last_final: date, selection: Selection, measure: Measure) -> dict[str, Medians]:
    """By job, where there are runs on both sides."""
    rows = _rows("app/jobs_medians", _bound(selection, measure) | {"last_final": last_final})
    return {f"{row.pop('workspace_id')}/{row.pop('job_id')}": Medians(**row) for row in rows}


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def facts(version: Version, ids: tuple[str, ...]) -> dict[str, Facts]:
    """By job, where it was collected and may be seen."""
    rows = _rows("app/jobs_facts", {"jobs": list(ids)})
    return {f"{row.pop('workspace_id')}/{row.pop('job_id')}": Facts(**row) for row in rows}


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def bearers(version: Version, period: Period, selection: Selection) -> dict[str, Bearer]:
    """By job with cost in the period."""
    bound = _bound(selection, "cost")
    rows = _rows("app/jobs_teams", {name: bound[name] for name in ("jobs", "workspaces")} | _days(period))
    return {f"{row.pop('workspace_id')}/{row.pop('job_id')}": Bearer(**row) for row in rows}


def known(job: str) -> Known:
    """See `Known`."""
    workspace, _, number = job.partition("/")
    (row,) = _rows("app/jobs_one", {"workspace_id": workspace, "job_id": number})
    return Known(**row)


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def runs(
    version: Version,
    job: str,
    period: Period,
    selection: Selection,
    measure: Measure,
    results: tuple[str, ...] = (),
    most: int | None = PAGE,
    skipped: int = 0,
) -> tuple[list[Run], int]:
    """Runs of a job that have a day in the period, newest first, and how many there are.

    Args:
        version: of the data.
        job: workspace/job.
        period: the days.
        selection: which rows of the bill count.
        measure: the price basis.
        results: only these; empty: all.
        most: at most so many; None: all.
        skipped: newest ones that are left out.
    """
    more = {"run": None, "results": list(results) or None, "most": most, "skipped": skipped}
    rows = _rows("app/jobs_runs", _bound(_of_job(selection, job), measure) | _days(period) | more)
    total = rows[0]["total"] if rows else 0
    return [_only(Run, row) for row in rows], total


def run(job: str, number: str, measure: Measure) -> Run | None:
    """One run, whatever its days; None where it is not there, or not to be seen."""
    days = {"first": None, "last": None}
    more = {"run": number, "results": None, "most": 1, "skipped": 0}
    rows = _rows("app/jobs_runs", _bound(_of_job(Selection(), job), measure) | days | more)
    return _only(Run, rows[0]) if rows else None


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def factors(
    version: Version, job: str, then: Period, now: Period, selection: Selection, measure: Measure
) -> tuple[Factors | None, Factors | None]:
    """What is billed for runs in both windows; None where nothing is."""
    windows = {
        "then_first": then.first,
        "then_last": then.last,
        "now_first": now.first,
        "now_last": now.last,
    }
    rows = _rows("app/jobs_factors", _bound(_of_job(selection, job), measure) | windows)
    found = {
        row["period"]: Factors(
            row["runs"],
            None if row["without_time"] or not row["seconds"] else row["seconds"],
            row["dbu_count"] or None,
            row["amount"],
        )
        for row in rows
    }
    return found.get("then"), found.get("now")


def tasks(job: str, number: str) -> list[Task]:
    """Where the tasks of a run ran."""
    return [Task(**row) for row in _rows("app/jobs_run_tasks", {"id": job, "run": number})]


def records(job: str, number: str) -> list[Record]:
    """What the bill names a run for."""
    return [Record(**row) for row in _rows("app/jobs_run_records", {"id": job, "run": number})]


def anomalies(job: str, *, most: int = 20) -> list[Event]:
    """The newest events of a job, or mainly caused by it."""
    return [Event(**row) for row in _rows("app/jobs_anomalies", {"job_scope": job, "most": most})]


def recommendations(job: str) -> list[Advice]:
    """What is open or accepted about a job."""
    workspace, _, number = job.partition("/")
    rows = _rows("app/jobs_recommendations", {"workspace_id": workspace, "job_id": number})
    return [Advice(**row) for row in rows]


def applied(selection: Selection) -> Selection:
    """The part of the filters that holds for jobs and their runs."""
    return Selection(tuple((name, ids) for name, ids in selection.only if name in APPLIED), selection.tags)


def _of_job(selection: Selection, job: str) -> Selection:
    others = tuple((name, ids) for name, ids in selection.only if name not in ("job", "workspace"))
    return Selection((*others, ("job", (job,))), selection.tags)


def _bound(selection: Selection, measure: Measure) -> dict[str, Any]:
    """Parameters of costpulse.runs_of_jobs."""
    only = dict(selection.only)
    tags: dict[str, dict[str, Any]] = {}
    for key, value in selection.tags:
        wanted = tags.setdefault(key, {"key": key, "values": [], "missing": False})
        if value is None:
            wanted["missing"] = True
        else:
            wanted["values"].append(value)
    return {
        "jobs": list(only["job"]) if "job" in only else None,
        "workspaces": list(only["workspace"]) if "workspace" in only else None,
        "teams": list(only["team"]) if "team" in only else None,
        "tags": json.dumps(list(tags.values())) if tags else None,
        "is_list": measure == "list",
    }


def _days(period: Period) -> dict[str, date]:
    return {"first": period.first, "last": period.last}


def _id(workspace: str, job: str | None) -> str | None:
    return None if job is None else f"{workspace}/{job}"


def _only(row: type[Run], values: Mapping[str, Any]) -> Run:
    return row(**{field.name: values[field.name] for field in fields(row)})


def _rows(statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()
