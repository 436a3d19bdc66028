"""What the page Data health reads: the books that CostPulse keeps about collecting and deriving, and Dagster.

Most books are read by the version of the data; Dagster is asked again after some seconds, for it has no such version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import db, people
from costpulse_app.dagster_client import AssetState, CodeLocation, DagsterClient, Run, dagster_address
from costpulse_app.queries import Version
from costpulse_assets.errors import CostPulseError
from costpulse_assets.periods import Period
from costpulse_assets.resources.sql_files import load_sql

#: Days of the calendar.
CALENDAR_DAYS = 182
#: Days of usage whose corrections are shown.
RESTATED_DAYS = 400
#: Days of the figures.
FIGURE_DAYS = 30
#: A source that did not go through for so long is late, as in the badge of every page.
LATE = timedelta(hours=26)
_MOST_REQUESTS = 5
_ENTRIES = 8
#: As long as a page may be looked at before Dagster is asked again.
_DAGSTER_SECONDS = 15


@dataclass(frozen=True)
class SourceState:
    """How a source was read last over a connection; times are UTC.

    Attributes:
        source: our table.
        connection: name of the connection.
        state: ok, failed, not available, stopped.
        message: what happened.
        next_step: what to do about it.
        attempted_at: when it was last tried.
        succeeded_at: when it last went through; None: never.
        newest_day: newest usage day that came; None: it has no days.
    """

    source: str
    connection: str
    state: str
    message: str | None
    next_step: str | None
    attempted_at: datetime
    succeeded_at: datetime | None
    newest_day: date | None

    def is_late(self, now: datetime) -> bool:
        """Whether it should have been read since."""
        return self.state != "ok" or self.succeeded_at is None or now - self.succeeded_at > LATE


@dataclass(frozen=True)
class DayBooks:
    """What the books say of a usage day; `restated_usd` None: not known, or not for this viewer."""

    usage_date: date
    is_collected: bool
    share_in: Decimal | None
    is_provisional: bool
    in_flight: bool
    recollect_reason: str | None
    reprice_reason: str | None
    rejected_count: int
    collected_at: datetime | None
    restated_on: tuple[date, ...]
    restated_usd: Decimal | None


@dataclass(frozen=True)
class ArrivalPoint:
    """Shares of settled days that were in some hours after they ended: median, and the band of four in five."""

    hours: int
    days: int
    basis: str
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class OpenPoint:
    """Which share of a day that is not final was in, some hours after it ended (negative: before)."""

    usage_date: date
    hours: Decimal
    share: Decimal


@dataclass(frozen=True)
class MonthRestated:
    """What was corrected of a month of usage; amounts None: not for this viewer."""

    usage_month: date
    days: int
    record_count: int
    raised_usd: Decimal | None
    lowered_usd: Decimal | None
    cost_usd: Decimal | None


@dataclass(frozen=True)
class Figures:
    """What the cards show.

    Attributes:
        restated_days: usage days corrected in the last FIGURE_DAYS days.
        restated_usd: what that changed; None: nothing, or not for this viewer.
        conserved_days: days over which allocated and cost were compared.
        difference_usd: by how much they differ.
        unconserved_days: days on which they do.
        first_unconserved: the first of them.
        control_days: days that were compared with the control totals.
        differing_days: those that differ.
        first_differing: the first of them.
        in_flight_days: days that moved while they were read.
        rejected_rows: rows of the source that broke a rule.
        own_cost_usd: of our own queries in the last FIGURE_DAYS days; None: not known, or not for this viewer.
        own_cost_to: newest day of that.
    """

    restated_days: int
    restated_usd: Decimal | None
    conserved_days: int
    difference_usd: Decimal
    unconserved_days: int
    first_unconserved: date | None
    control_days: int
    differing_days: int
    first_differing: date | None
    in_flight_days: int
    rejected_rows: int
    own_cost_usd: Decimal | None
    own_cost_to: date | None


@dataclass(frozen=True)
class TableState:
    """When a table of ours was last made or read, over which days; `row_count` None: not counted."""

    asset: str
    made_at: datetime
    first_day: date | None
    last_day: date | None
    row_count: int | None


@dataclass(frozen=True)
class Estimate:
    """What collecting days again would bring, judged by what they brought last; `seconds` None: not known."""

    known_days: int
    source_rows: int
    seconds: float | None


@dataclass(frozen=True)
class Request:
    """A run that somebody started from the app."""

    id: int
    kind: str
    first_day: date
    last_day: date
    requested_by: str
    requested_at: datetime
    run_id: str | None
    problem: str | None

    @property
    def days(self) -> Period:
        """The usage days it is over."""
        return Period(self.first_day, self.last_day)


@dataclass(frozen=True)
class Problem:
    """Why Dagster does not answer, and what to do; not the error itself, which cannot be kept in a cache."""

    message: str
    next_step: str


@dataclass(frozen=True)
class Dagster:
    """What Dagster says; where it does not answer, `problem` says why, and the rest is empty."""

    problem: Problem | None
    location: CodeLocation | None
    assets: Mapping[str, AssetState]


def now() -> datetime:
    """The present moment, by which sources are late."""
    return datetime.now(UTC)


def client() -> DagsterClient:
    """Dagster, as the settings name it."""
    return DagsterClient(dagster_address(db.settings()))


def sources() -> list[SourceState]:
    """Every source and connection that was ever read, by name; not kept: what changed nothing has no new version."""
    return [SourceState(**row) for row in _rows("app/health_sources")]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def days(version: Version, newest: date) -> list[DayBooks]:
    """The days of the calendar, oldest first; missing ones are in it."""
    first = newest - timedelta(days=CALENDAR_DAYS - 1)
    return [
        DayBooks(**row | {"restated_on": tuple(row["restated_on"])})
        for row in _rows("app/health_days", {"first": first})
    ]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def arrivals(version: Version, newest: date) -> tuple[list[ArrivalPoint], list[OpenPoint]]:
    """The arrival curve of settled days, and how far the days are that are not final."""
    return (
        [ArrivalPoint(**row) for row in _rows("app/health_arrival_curve", {"today": newest})],
        [OpenPoint(**row) for row in _rows("app/health_arrivals_open", {"today": newest})],
    )


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def restatements(version: Version, newest: date) -> list[MonthRestated]:
    """Months of usage that were corrected, oldest first."""
    first = (newest - timedelta(days=RESTATED_DAYS)).replace(day=1)
    return [MonthRestated(**row) for row in _rows("app/health_restatements", {"first": first})]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def figures(version: Version, newest: date) -> Figures:
    """See `Figures`."""
    span = {"first": newest - timedelta(days=FIGURE_DAYS - 1), "last": newest}
    (restated,) = _rows("app/health_restated_lately", span)
    (conserved,) = _rows("app/health_conservation")
    (control,) = _rows("app/health_control_totals")
    (own,) = _rows("app/health_own_cost", span)
    return Figures(
        restated_days=restated["days"],
        restated_usd=restated["cost_usd"],
        conserved_days=conserved["days"],
        difference_usd=conserved["difference_usd"],
        unconserved_days=conserved["differing_days"],
        first_unconserved=conserved["first_differing_day"],
        control_days=control["days"],
        differing_days=control["differing_days"],
        first_differing=control["first_differing_day"],
        in_flight_days=control["in_flight_days"],
        rejected_rows=int(control["rejected_rows"]),
        own_cost_usd=own["cost_usd"],
        own_cost_to=own["newest_day"],
    )


def tables() -> dict[str, TableState]:
    """The tables of ours that keep books, by name."""
    return {row["asset"]: TableState(**row) for row in _rows("app/health_tables")}


def estimate(days: Period) -> Estimate:
    """See `Estimate`; asked when somebody is about to collect."""
    (row,) = _rows("app/health_estimate", {"first": days.first, "last": days.last})
    rows, per_row = int(row["source_rows"]), row["seconds_per_row"]
    return Estimate(row["known_days"], rows, float(per_row) * rows if per_row is not None and rows else None)


def requests() -> list[Request]:
    """The newest runs that were started from the app, newest first; those who see some teams only see none."""
    return [Request(**row) for row in _rows("app/health_requests", {"most": _MOST_REQUESTS})]


def dagster() -> Dagster:
    """What Dagster says now, or said some seconds ago."""
    return _dagster(dagster_address(db.settings()))


def forget_dagster() -> None:
    """Something was started or has ended: what Dagster said before holds no more."""
    _dagster.clear()


@st.cache_data(show_spinner=False, max_entries=2, ttl=_DAGSTER_SECONDS)
def _dagster(address: str) -> Dagster:
    asked = DagsterClient(address)
    try:
        location = asked.location()
        return Dagster(None, location, {one.name: one for one in asked.assets()})
    except CostPulseError as error:
        return Dagster(Problem(error.message, error.next_step), None, {})


@dataclass(frozen=True)
class Going:
    """The runs that wait or run, with their steps, and what became of those that people started."""

    problem: Problem | None
    active: tuple[Run, ...]
    ended: Mapping[int, Run]


def going(asked: DagsterClient, requested: list[Request]) -> Going:
    """What runs now, newest first, and how the requests went (by their number); asked anew each time."""
    try:
        active = tuple(found for one in asked.active_runs() if (found := asked.run(one.run_id)) is not None)
        of_active = {one.run_id for one in active}
        ended = {}
        for request in requested:
            if request.run_id in of_active or request.problem is not None:
                continue
            found = asked.run(request.run_id) if request.run_id else asked.run_of(request.id)
            if found is not None and found.run_id not in of_active:
                ended[request.id] = found
        return Going(None, active, ended)
    except CostPulseError as error:
        return Going(Problem(error.message, error.next_step), (), {})


def _rows(statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()
