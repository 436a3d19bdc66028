"""Starts runs for people: refused where one is going on over the same days, and in the audit log in their name."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from costpulse_app import people
from costpulse_app.dagster_client import (
    COLLECTED,
    CodeLocation,
    DagsterClient,
    DagsterRefused,
    LaunchUnknown,
    Run,
    checked_days,
    days_of,
    expect_nothing_running,
    expect_partitions,
    range_tags,
)
from costpulse_assets.errors import AlreadyRunning, CostPulseError
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import run

#: Days that are collected again by one run.
MOST_DAYS = 31
#: For so long a request without an answer counts as one that will have a run.
_ASKED_JUST_NOW = timedelta(minutes=2)
_MOST_REQUESTS = 20


@dataclass(frozen=True)
class Plan:
    """A run that can be started.

    Attributes:
        kind: as in costpulse.run_requests.
        days: the usage days.
        tags: of the run.
        assets: what is made; None: all of the job.
        location: where the code is.
    """

    kind: str
    days: Period
    tags: dict[str, str]
    assets: tuple[str, ...] | None
    location: CodeLocation


def plan_run_now(dagster: DagsterClient) -> Plan:
    """What the schedule would run now.

    Raises:
        CostPulseError: Dagster does not answer, or the schedule has nothing to run.
    """
    location = dagster.location()
    tags = dagster.scheduled_tags(location)
    days = days_of(tags)
    if days is None:
        raise DagsterRefused(
            "The schedule does not say which days it would collect.",
            next_step="Reload the code location in Dagster, so that it is of the same version as the app.",
        )
    return Plan("run now", days, tags, None, location)


def plan_days_again(dagster: DagsterClient, first: date, last: date) -> Plan:
    """The days as they are at the source now, and all that follows from them, whether they changed or not.

    Raises:
        BadInput: the days are the wrong way round, or too many.
        UnknownPartition: Dagster does not know one of them.
        CostPulseError: Dagster does not answer.
    """
    days = checked_days(first, last, most=MOST_DAYS)
    location = dagster.location()
    expect_partitions(days, dagster.collected_days())
    return Plan("collect days again", days, range_tags(days), tuple(dagster.following(COLLECTED)), location)


def start(dagster: DagsterClient, plan: Plan) -> Run:
    """Start it, in the name of who looks at the page.

    The request is written, and so in the audit log, before Dagster is asked: no run of the app is without a name.

    Raises:
        NotAllowed: they have no right to.
        AlreadyRunning: a run over some of the days is going on, or somebody is just starting one.
        CostPulseError: Dagster does not answer, or refuses; the request says so too.
    """
    request = _asked(dagster, plan)
    try:
        started = dagster.launch(plan.location, tags=plan.tags, assets=plan.assets, request=request)
    except LaunchUnknown:
        # It may be there: it is found by the number of the request, and until then the days count as taken.
        raise
    except CostPulseError as error:
        _became(request, None, error.message)
        raise
    _became(request, started.run_id, None)
    return started


def _asked(dagster: DagsterClient, plan: Plan) -> int:
    """The number of the new request."""
    with people.acting("start runs") as connection:
        # Whoever asks at the same moment waits here, and then sees this request.
        run(connection, "app/health_request_lock")
        expect_nothing_running(plan.days, dagster.active_runs())
        for other in run(connection, "app/health_requests", {"most": _MOST_REQUESTS}):
            is_open = other["run_id"] is None and other["problem"] is None
            if (
                is_open
                and datetime.now(UTC) - other["requested_at"] < _ASKED_JUST_NOW
                and other["first_day"] <= plan.days.last
                and plan.days.first <= other["last_day"]
            ):
                raise AlreadyRunning(
                    f"{other['requested_by']} is starting a run over {Period(other['first_day'], other['last_day'])}.",
                    next_step="Wait until it has ended, or choose other days.",
                )
        (row,) = run(
            connection,
            "app/health_request_insert",
            {
                "kind": plan.kind,
                "first": plan.days.first,
                "last": plan.days.last,
                "requested_by": people.current().name,
            },
        )
    return int(row["id"])


def _became(request: int, run_id: str | None, problem: str | None) -> None:
    with people.acting("start runs") as connection:
        run(connection, "app/health_request_update", {"id": request, "run_id": run_id, "problem": problem})
