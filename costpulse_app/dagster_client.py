"""What the app asks of Dagster, and the two runs it starts: by GraphQL over HTTP, never by Dagster's own library.

Importing Dagster would take longer than most pages, and the app has no business in its database. Every answer is
checked before anybody reads it; every failure is a CostPulseError that says what to do.
"""

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from costpulse_assets.errors import AlreadyRunning, BadInput, CostPulseError
from costpulse_assets.periods import Period
from costpulse_assets.settings import Settings

#: The job and the schedule of the code location; its definitions cannot be imported here, a test compares the names.
COST_CYCLE = "cost_cycle"
SCHEDULE = "collect_trailing_days"
#: The tables that a collection of usage days writes, all at once.
COLLECTED = ("cost_records", "cost_keys", "collected_days", "collection_log")
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"
#: By which a run is found that was started and whose answer got lost.
REQUEST_TAG = "costpulse/run_request"

RunStatus = Literal[
    "QUEUED",
    "NOT_STARTED",
    "MANAGED",
    "STARTING",
    "STARTED",
    "SUSPENDED",
    "SUCCESS",
    "FAILURE",
    "CANCELING",
    "CANCELED",
]
#: A run that may still write.
ACTIVE: tuple[RunStatus, ...] = (
    "QUEUED", "NOT_STARTED", "MANAGED", "STARTING", "STARTED", "SUSPENDED", "CANCELING"
)  # fmt: skip

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 10.0
#: A launch has the code server plan the run first.
_LAUNCH_SECONDS = 60.0
#: Runs that are looked at for what is going on; more than wait in any queue.
_MOST_RUNS = 100
#: Events of a failed run are read page by page, and so many pages at most.
_EVENTS, _PAGES = 1_000, 20
_LONGEST_ERROR = 300

_Answer = TypeVar("_Answer", bound=BaseModel)


class DagsterUnreachable(CostPulseError):
    """Nobody answers at Dagster's address, or not in time."""

    retryable = True


class DagsterRefused(CostPulseError):
    """Dagster answered and said no, or said what cannot be understood."""


class DagsterNotLoaded(CostPulseError):
    """Dagster runs, but the code of CostPulse is not loaded there."""

    retryable = True


class UnknownPartition(CostPulseError):
    """Dagster has no partition for one of the days."""


class LaunchUnknown(CostPulseError):
    """Dagster was asked to start a run, and its answer did not come: whether the run exists is not known."""


# --- answers


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class _Key(_Model):
    path: tuple[str, ...] = Field(min_length=1)

    @property
    def name(self) -> str:
        return "/".join(self.path)


class _Tag(_Model):
    key: str
    value: str


class _Tick(_Model):
    timestamp: float | None


class _Ticks(_Model):
    results: tuple[_Tick, ...]


class _ScheduleState(_Model):
    status: str


class _Schedule(_Model):
    name: str
    pipeline_name: str
    schedule_state: _ScheduleState
    future_ticks: _Ticks


class _Repository(_Model):
    name: str
    schedules: tuple[_Schedule, ...] = ()


class _LocationOrError(_Model):
    typename: str = Field(alias="__typename")
    name: str = ""
    message: str = ""
    repositories: tuple[_Repository, ...] = ()


class _Entry(_Model):
    name: str
    load_status: str
    location_or_load_error: _LocationOrError | None


class _Workspace(_Model):
    location_entries: tuple[_Entry, ...] = ()
    message: str = ""


class _StepTimes(_Model):
    start_time: float | None = None
    end_time: float | None = None


class _MetadataEntry(_Model):
    label: str
    int_value: int | None = None
    text: str | None = None


class _Materialization(_Model):
    timestamp: float
    run_id: str
    step_stats: _StepTimes
    metadata_entries: tuple[_MetadataEntry, ...] = ()


class _FreshnessInfo(_Model):
    freshness_status: str


class _Evaluation(_Model):
    success: bool
    severity: Literal["WARN", "ERROR"]


class _Execution(_Model):
    status: str
    timestamp: float
    run_id: str
    evaluation: _Evaluation | None = None


class _Check(_Model):
    name: str
    description: str | None = None
    blocking: bool
    execution_for_latest_materialization: _Execution | None = None


class _Checks(_Model):
    checks: tuple[_Check, ...] = ()


class _Node(_Model):
    asset_key: _Key
    group_name: str
    is_executable: bool
    job_names: tuple[str, ...]
    depended_by_keys: tuple[_Key, ...] = ()
    asset_materializations: tuple[_Materialization, ...] = ()
    freshness_status_info: _FreshnessInfo | None = None
    asset_checks_or_error: _Checks = _Checks()


class _Nodes(_Model):
    asset_nodes: tuple[_Node, ...]


class _Partitions(_Model):
    typename: str = Field(alias="__typename")
    partition_keys: tuple[date, ...] = ()


class _StepStats(_StepTimes):
    step_key: str
    status: str | None = None


class _Step(_Model):
    key: str


class _Plan(_Model):
    steps: tuple[_Step, ...]


class _Run(_Model):
    run_id: str
    status: RunStatus
    job_name: str
    creation_time: float
    start_time: float | None = None
    end_time: float | None = None
    tags: tuple[_Tag, ...] = ()
    step_stats: tuple[_StepStats, ...] = ()
    execution_plan: _Plan | None = None


class _Runs(_Model):
    results: tuple[_Run, ...]


class _Chain(_Model):
    error: "_Error"


class _Error(_Model):
    message: str = ""
    error_chain: tuple[_Chain, ...] = ()


class _FailureMetadata(_Model):
    description: str | None = None
    metadata_entries: tuple[_MetadataEntry, ...] = ()


class _Event(_Model):
    typename: str = Field(alias="__typename")
    message: str = ""
    step_key: str | None = None
    error: _Error | None = None
    failure_metadata: _FailureMetadata | None = None


class _Events(_Model):
    events: tuple[_Event, ...] = ()
    cursor: str = ""
    has_more: bool = False


class _RunRequest(_Model):
    tags: tuple[_Tag, ...]


class _TickEvaluation(_Model):
    run_requests: tuple[_RunRequest, ...] | None = None
    skip_reason: str | None = None
    error: _Error | None = None


class _DryRun(_Model):
    evaluation_result: _TickEvaluation | None = None


class _Launched(_Model):
    run: _Run


# --- what it says, in our words


@dataclass(frozen=True)
class Schedule:
    """A schedule of the cost cycle: whether it is switched on, and when it ticks next (UTC)."""

    name: str
    is_running: bool
    next_tick: datetime | None


@dataclass(frozen=True)
class CodeLocation:
    """Where the code of CostPulse is loaded in Dagster, with the schedules of the cost cycle."""

    name: str
    repository: str
    schedules: tuple[Schedule, ...]

    @property
    def next_run(self) -> datetime | None:
        """When the cost cycle runs next by itself; None: no schedule of it is on."""
        return min((one.next_tick for one in self.schedules if one.is_running and one.next_tick), default=None)


@dataclass(frozen=True)
class CheckState:
    """How a check of an asset went last; `passed` None: it never ran."""

    asset: str
    name: str
    description: str
    is_blocking: bool
    passed: bool | None
    is_warning: bool
    checked_at: datetime | None
    run_id: str | None


@dataclass(frozen=True)
class AssetState:
    """An asset of Dagster: when it was made last (UTC), how long that took, and what is known of it.

    Attributes:
        name: of the asset, and of its table.
        layer: Dagster group.
        job_names: jobs that make it.
        followed_by: assets that are made from it.
        made_at: None: never by this Dagster.
        seconds: of the step that made it.
        rows: that it said to have, where it did.
        freshness: HEALTHY, WARNING, DEGRADED, UNKNOWN; None: not judged.
        run_id: which run made it.
        checks: its checks.
    """

    name: str
    layer: str
    job_names: tuple[str, ...]
    followed_by: tuple[str, ...]
    made_at: datetime | None
    seconds: float | None
    rows: int | None
    freshness: str | None
    run_id: str | None
    checks: tuple[CheckState, ...]


@dataclass(frozen=True)
class Run:
    """A run and how far it is; times are UTC.

    Attributes:
        run_id: its id.
        status: Dagster's.
        job: its job.
        days: usage days it is over, where it says so.
        created_at: when it was asked for.
        started_at: when it began; None: it waits.
        ended_at: when it ended; None: it has not.
        steps: how many it has; 0: not known.
        steps_done: of them, succeeded or left out.
        steps_failed: of them, failed.
        current: steps that run now.
        request: number of the run request it was started by.
    """

    run_id: str
    status: RunStatus
    job: str
    days: Period | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    steps: int
    steps_done: int
    steps_failed: int
    current: tuple[str, ...]
    request: int | None

    @property
    def is_active(self) -> bool:
        """Whether it may still write."""
        return self.status in ACTIVE


@dataclass(frozen=True)
class RunFailure:
    """What went wrong in a run first: the step, the sentence, and what to do where the failure has a name."""

    step: str | None
    message: str
    next_step: str | None


# --- questions

_WORKSPACE = """
query Workspace {
  workspaceOrError {
    ... on PythonError { message }
    ... on Workspace {
      locationEntries {
        name
        loadStatus
        locationOrLoadError {
          __typename
          ... on PythonError { message }
          ... on RepositoryLocation {
            name
            repositories {
              name
              schedules {
                name
                pipelineName
                scheduleState { status }
                futureTicks(limit: 1) { results { timestamp } }
              }
            }
          }
        }
      }
    }
  }
}
"""
_ASSETS = """
query Assets {
  assetNodes(loadMaterializations: true) {
    assetKey { path }
    groupName
    isExecutable
    jobNames
    dependedByKeys { path }
    freshnessStatusInfo { freshnessStatus }
    assetMaterializations(limit: 1) {
      timestamp
      runId
      stepStats { startTime endTime }
      metadataEntries { label ... on IntMetadataEntry { intValue } }
    }
    assetChecksOrError {
      ... on AssetChecks {
        checks {
          name
          description
          blocking
          executionForLatestMaterialization { status timestamp runId evaluation { success severity } }
        }
      }
    }
  }
}
"""
_GRAPH = """
query Graph { assetNodes { assetKey { path } groupName isExecutable jobNames dependedByKeys { path } } }
"""
_PARTITIONS = """
query Partitions($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) { __typename ... on AssetNode { partitionKeys } }
}
"""
_RUN_FIELDS = "runId status jobName creationTime startTime endTime tags { key value }"
_STEP_FIELDS = "stepStats { stepKey status startTime endTime } executionPlan { steps { key } }"
_RUNS = f"""
query Runs($filter: RunsFilter!, $limit: Int!) {{
  runsOrError(filter: $filter, limit: $limit) {{
    __typename
    ... on Runs {{ results {{ {_RUN_FIELDS} }} }}
    ... on PythonError {{ message }}
    ... on InvalidPipelineRunsFilterError {{ message }}
  }}
}}
"""
_RUN = f"""
query Run($id: ID!) {{
  runOrError(runId: $id) {{
    __typename
    ... on Run {{ {_RUN_FIELDS} {_STEP_FIELDS} }}
    ... on PythonError {{ message }}
  }}
}}
"""
_EVENTS_OF_RUN = """
query Events($id: ID!, $cursor: String, $limit: Int!) {
  logsForRun(runId: $id, afterCursor: $cursor, limit: $limit) {
    __typename
    ... on PythonError { message }
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on MessageEvent { message stepKey }
        ... on RunFailureEvent { error { message errorChain { error { message } } } }
        ... on ExecutionStepFailureEvent {
          error { message errorChain { error { message } } }
          failureMetadata { description metadataEntries { label ... on TextMetadataEntry { text } } }
        }
      }
    }
  }
}
"""
_TICK = """
mutation Tick($schedule: ScheduleSelector!, $at: Float!) {
  scheduleDryRun(selectorData: $schedule, timestamp: $at) {
    __typename
    ... on PythonError { message }
    ... on DryRunInstigationTick {
      evaluationResult { skipReason error { message } runRequests { tags { key value } } }
    }
  }
}
"""
_LAUNCH = f"""
mutation Launch($parameters: ExecutionParams!) {{
  launchRun(executionParams: $parameters) {{
    __typename
    ... on LaunchRunSuccess {{ run {{ {_RUN_FIELDS} }} }}
    ... on PythonError {{ message }}
    ... on UnauthorizedError {{ message }}
    ... on InvalidSubsetError {{ message }}
    ... on PipelineNotFoundError {{ message }}
    ... on RunConflict {{ message }}
    ... on RunConfigValidationInvalid {{ errors {{ message }} }}
  }}
}}
"""


def dagster_address(settings: Settings) -> str:
    """Where Dagster's web server is, without a slash at its end."""
    return (settings.dagster_url or f"http://127.0.0.1:{settings.dagster_port}").rstrip("/")


class DagsterClient:
    """Dagster's GraphQL, as far as the app needs it.

    Every method raises DagsterUnreachable where nobody answers, and DagsterRefused where the answer is an error or not
    what was asked for.
    """

    def __init__(self, address: str) -> None:
        """Of the web server at this address; nothing is sent yet."""
        self.address = address.rstrip("/")

    def run_link(self, run_id: str) -> str:
        """Where the run is in Dagster's own pages."""
        return f"{self.address}/runs/{run_id}"

    def location(self) -> CodeLocation:
        """Where the code of CostPulse is.

        Raises:
            DagsterNotLoaded: it is not loaded, still loading, or failed to.
        """
        found = self._part(_WORKSPACE, "workspaceOrError", _Workspace)
        broken = []
        for entry in found.location_entries:
            loaded = entry.location_or_load_error
            if loaded is None:
                broken.append(f"{entry.name} is still loading.")
            elif loaded.typename == "PythonError":
                broken.append(f"{entry.name}: {_first_line(loaded.message)}")
            else:
                for repository in loaded.repositories:
                    schedules = tuple(
                        Schedule(
                            one.name,
                            one.schedule_state.status == "RUNNING",
                            next((_utc(tick.timestamp) for tick in one.future_ticks.results), None),
                        )
                        for one in repository.schedules
                        if one.pipeline_name == COST_CYCLE
                    )
                    if schedules:
                        return CodeLocation(loaded.name, repository.name, schedules)
        raise DagsterNotLoaded(
            f"Dagster runs, but the code of CostPulse is not loaded there. {' '.join(broken)}".rstrip(),
            next_step=f"Look at {self.address}/locations, mend what it names, and reload the code location.",
        )

    def assets(self) -> list[AssetState]:
        """Every asset that can be made, by name."""
        nodes = self._data(_ASSETS, _Nodes).asset_nodes
        return sorted((_asset(node) for node in nodes if node.is_executable), key=lambda one: one.name)

    def collected_days(self) -> frozenset[date]:
        """The usage days that Dagster has a partition for.

        Raises:
            DagsterNotLoaded: it does not know cost_records.
        """
        found = self._part(_PARTITIONS, "assetNodeOrError", _Partitions, asset={"path": ["cost_records"]})
        if found.typename != "AssetNode":
            raise DagsterNotLoaded(
                "Dagster does not know the table cost_records.",
                next_step=f"Look at {self.address}/locations and reload the code location.",
            )
        return frozenset(found.partition_keys)

    def active_runs(self) -> list[Run]:
        """The runs that wait or run, newest first."""
        return self._runs({"statuses": list(ACTIVE)})

    def last_runs(self, *, limit: int) -> list[Run]:
        """The newest runs of the cost cycle that succeeded."""
        return self._runs({"pipelineName": COST_CYCLE, "statuses": ["SUCCESS"]}, limit)

    def run_of(self, request: int) -> Run | None:
        """The run that a request started; None: there is none."""
        found = self._runs({"tags": [{"key": REQUEST_TAG, "value": str(request)}]}, 1)
        return found[0] if found else None

    def run(self, run_id: str) -> Run | None:
        """A run with its steps; None: Dagster does not know it (any more)."""
        answer = self._ask(_RUN, {"id": run_id}).get("runOrError")
        if isinstance(answer, dict) and answer.get("__typename") == "RunNotFoundError":
            return None
        return _run(self._checked(answer, _Run))

    def failure(self, run_id: str) -> RunFailure | None:
        """What went wrong first in a run that failed; None: it does not say."""
        cursor: str | None = None
        last: RunFailure | None = None
        for _ in range(_PAGES):
            page = self._part(_EVENTS_OF_RUN, "logsForRun", _Events, id=run_id, cursor=cursor, limit=_EVENTS)
            for event in page.events:
                if event.typename == "ExecutionStepFailureEvent":
                    return _failure(event)
                if event.typename == "RunFailureEvent":
                    last = _failure(event)
            if not page.has_more or not page.cursor:
                break
            cursor = page.cursor
        return last

    def scheduled_tags(self, location: CodeLocation) -> dict[str, str]:
        """The tags that the schedule would give to a run now: the code location knows its days, we need not.

        Raises:
            DagsterRefused: the schedule cannot be evaluated, or has nothing to run.
        """
        selector = {
            "repositoryName": location.repository,
            "repositoryLocationName": location.name,
            "scheduleName": SCHEDULE,
        }
        tick = self._part(_TICK, "scheduleDryRun", _DryRun, schedule=selector, at=time.time()).evaluation_result
        if tick is None or tick.error is not None or not tick.run_requests:
            why = _first_line(tick.error.message) if tick and tick.error else (tick and tick.skip_reason) or ""
            raise DagsterRefused(
                f"The schedule {SCHEDULE} has nothing to run. {why}".rstrip(),
                next_step=f"Look at the schedule in Dagster: {self.address}/automation.",
            )
        return {tag.key: tag.value for tag in tick.run_requests[0].tags if tag.key != "dagster/schedule_name"}

    def following(self, names: Iterable[str]) -> list[str]:
        """These assets and all that follow from them, as far as the cost cycle makes them."""
        nodes = {node.asset_key.name: node for node in self._data(_GRAPH, _Nodes).asset_nodes}
        found: set[str] = set()
        open_ = [name for name in names if name in nodes]
        while open_:
            name = open_.pop()
            if name not in found:
                found.add(name)
                open_ += [key.name for key in nodes[name].depended_by_keys if key.name in nodes]
        return sorted(name for name in found if nodes[name].is_executable and COST_CYCLE in nodes[name].job_names)

    def launch(
        self, location: CodeLocation, *, tags: Mapping[str, str], assets: Collection[str] | None, request: int
    ) -> Run:
        """Start a run of the cost cycle.

        Args:
            location: where the code is.
            tags: its tags; the usage days among them.
            assets: only these; None: all of the job.
            request: number of the run request, by which the run is found again.

        Raises:
            LaunchUnknown: no answer came; the run may be there.
        """
        selector: dict[str, Any] = {
            "repositoryName": location.repository,
            "repositoryLocationName": location.name,
            "jobName": COST_CYCLE,
        }
        if assets is not None:
            selector["assetSelection"] = [{"path": name.split("/")} for name in sorted(assets)]
        all_tags = {**tags, REQUEST_TAG: str(request)}
        parameters = {
            "selector": selector,
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in sorted(all_tags.items())]},
        }
        try:
            answer = self._ask(_LAUNCH, {"parameters": parameters}, seconds=_LAUNCH_SECONDS).get("launchRun")
        except DagsterUnreachable as error:
            if isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout):
                raise
            raise LaunchUnknown(
                "Dagster did not answer when it was asked to start the run; it may have started it.",
                next_step=f"Look at {self.address}/runs before you start it again.",
            ) from error
        return _run(self._checked(answer, _Launched).run)

    def _runs(self, filter: Mapping[str, Any], limit: int = _MOST_RUNS) -> list[Run]:
        return [_run(one) for one in self._part(_RUNS, "runsOrError", _Runs, filter=filter, limit=limit).results]

    def _part(self, query: str, name: str, model: type[_Answer], **variables: Any) -> _Answer:
        """One field of the answer, as the model."""
        return self._checked(self._ask(query, variables).get(name), model)

    def _data(self, query: str, model: type[_Answer]) -> _Answer:
        """The whole answer, as the model."""
        return self._checked(self._ask(query, {}), model)

    def _checked(self, answer: object, model: type[_Answer]) -> _Answer:
        kind = answer.get("__typename", "") if isinstance(answer, dict) else ""
        try:
            return model.model_validate(answer)
        except ValidationError:
            said = _said(answer)
        if said:
            raise DagsterRefused(
                f"Dagster said no ({kind or 'error'}): {said}",
                next_step=f"Open {self.address} and look at what it names.",
            )
        raise self._not_understood(f"an answer ({kind or type(answer).__name__}) that is not what was asked for")

    def _ask(self, query: str, variables: Mapping[str, Any], *, seconds: float = _ANSWER_SECONDS) -> dict[str, Any]:
        """The data of an answer.

        Errors come with any status and a body that says more than the status does.
        """
        try:
            # Dagster is a neighbour of the app: a proxy to the internet does not know it.
            with httpx.Client(
                timeout=httpx.Timeout(seconds, connect=_CONNECT_SECONDS), mounts={"http://": None, "https://": None}
            ) as client:
                response = client.post(
                    f"{self.address}/graphql", content=json.dumps({"query": query, "variables": variables}),
                    headers={"Content-Type": "application/json"},
                )  # fmt: skip
        except httpx.TimeoutException as error:
            raise DagsterUnreachable(
                f"Dagster at {self.address} did not answer in time.",
                next_step="See whether its web server is busy or hangs, and try again in a moment.",
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DagsterUnreachable(
                f"Nobody answers at {self.address}, where Dagster should be.",
                next_step="Start it (`costpulse up`, or the service webserver), or set COSTPULSE_DAGSTER_URL.",
            ) from error
        if response.status_code in (401, 403) or response.is_redirect:
            raise DagsterRefused(
                f"Dagster at {self.address} does not let the app in (status {response.status_code}).",
                next_step="Set COSTPULSE_DAGSTER_URL to the web server itself, behind the proxy that asks for sign-in.",
            )
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise self._not_understood(f"status {response.status_code} and no GraphQL")
        data = body.get("data")
        if not isinstance(data, dict):
            errors = body.get("errors")
            first = errors[0] if isinstance(errors, list) and errors else None
            raise self._not_understood(_said(first) or f"status {response.status_code} and no data")
        return data

    def _not_understood(self, what: str) -> DagsterRefused:
        return DagsterRefused(
            f"What answers at {self.address} is not the Dagster that was expected: {what}",
            next_step="See that COSTPULSE_DAGSTER_URL leads to Dagster's web server, and of which version it is.",
        )


def expect_partitions(wanted: Period, known: Collection[date]) -> None:
    """Goes on if Dagster has a partition for every day.

    Raises:
        UnknownPartition: names the first day it has none for.
    """
    missing = [day for day in wanted if day not in known]
    if missing:
        span = f"It has {min(known)} to {max(known)}." if known else "It has none at all."
        raise UnknownPartition(
            f"Dagster has no partition for {missing[0]}. {span}",
            next_step="Choose days within these; COSTPULSE_FIRST_USAGE_DATE says where they begin.",
        )


def expect_nothing_running(wanted: Period, runs: Sequence[Run]) -> None:
    """Goes on if no run that waits or runs is over any of the days.

    Raises:
        AlreadyRunning: names the first one that is.
    """
    for one in runs:
        if one.days is not None and one.days.first <= wanted.last and wanted.first <= one.days.last:
            raise AlreadyRunning(
                f"A run of {one.job} over {one.days} is going on already, since {one.created_at:%Y-%m-%d %H:%M} UTC.",
                next_step="Wait until it has ended, or choose other days.",
            )


def range_tags(days: Period) -> dict[str, str]:
    """The tags of a run over these days."""
    return {RANGE_START_TAG: days.first.isoformat(), RANGE_END_TAG: days.last.isoformat()}


def days_of(tags: Mapping[str, str]) -> Period | None:
    """The usage days that a run with these tags is over; None: it does not say."""
    only = tags.get(PARTITION_TAG)
    try:
        first = date.fromisoformat(tags.get(RANGE_START_TAG) or only or "")
        last = date.fromisoformat(tags.get(RANGE_END_TAG) or only or "")
    except ValueError:
        return None
    return Period(first, last) if first <= last else None


def checked_days(first: date, last: date, *, most: int) -> Period:
    """A range of days as somebody typed it.

    Raises:
        BadInput: the wrong way round, or too long.
    """
    if last < first:
        raise BadInput(f"{last} lies before {first}.", next_step="Choose the first day first.")
    days = Period(first, last)
    if len(days) > most:
        raise BadInput(
            f"These are {len(days)} days, more than {most}.",
            next_step="Take them in parts, or use `costpulse materialize --from D --to D`.",
        )
    return days


def _asset(node: _Node) -> AssetState:
    last = node.asset_materializations[0] if node.asset_materializations else None
    times = last.step_stats if last else _StepTimes()
    rows = [entry.int_value for entry in last.metadata_entries if _counts_rows(entry)] if last else []
    return AssetState(
        name=node.asset_key.name,
        layer=node.group_name,
        job_names=node.job_names,
        followed_by=tuple(key.name for key in node.depended_by_keys),
        made_at=_utc(last.timestamp / 1000) if last else None,
        seconds=times.end_time - times.start_time if times.start_time and times.end_time else None,
        rows=rows[0] if rows else None,
        freshness=node.freshness_status_info.freshness_status if node.freshness_status_info else None,
        run_id=last.run_id if last else None,
        checks=tuple(_check(node.asset_key.name, check) for check in node.asset_checks_or_error.checks),
    )


def _counts_rows(entry: _MetadataEntry) -> bool:
    return entry.label in ("dagster/row_count", "dagster/partition_row_count") and entry.int_value is not None


def _check(asset: str, check: _Check) -> CheckState:
    last = check.execution_for_latest_materialization
    judged = last is not None and last.status not in ("IN_PROGRESS", "SKIPPED")
    return CheckState(
        asset=asset,
        name=check.name,
        description=check.description or "",
        is_blocking=check.blocking,
        passed=last.status == "SUCCEEDED" if last and judged else None,
        is_warning=bool(last and last.evaluation and last.evaluation.severity == "WARN"),
        checked_at=_utc(last.timestamp) if last else None,
        run_id=last.run_id if last else None,
    )


def _run(run: _Run) -> Run:
    tags = {tag.key: tag.value for tag in run.tags}
    request = tags.get(REQUEST_TAG, "")
    by_status: dict[str, list[str]] = {}
    for step in run.step_stats:
        by_status.setdefault(step.status or "", []).append(step.step_key)
    return Run(
        run_id=run.run_id,
        status=run.status,
        job=run.job_name,
        days=days_of(tags),
        created_at=datetime.fromtimestamp(run.creation_time, UTC),
        started_at=_utc(run.start_time),
        ended_at=_utc(run.end_time),
        steps=len(run.execution_plan.steps) if run.execution_plan else 0,
        steps_done=len(by_status.get("SUCCESS", [])) + len(by_status.get("SKIPPED", [])),
        steps_failed=len(by_status.get("FAILURE", [])),
        current=tuple(by_status.get("IN_PROGRESS", [])),
        request=int(request) if request.isascii() and request.isdigit() else None,
    )


def _failure(event: _Event) -> RunFailure:
    said = event.failure_metadata
    if said is not None and said.description:
        # Of a named failure the sentence and what to do about it are apart; others have their text alone.
        named = {entry.label: entry.text for entry in said.metadata_entries if entry.text}
        return RunFailure(
            event.step_key, _first_line(named.get("what happened") or said.description), named.get("next step")
        )
    error = event.error
    innermost = error.error_chain[-1].error if error and error.error_chain else error
    return RunFailure(event.step_key, _first_line(innermost.message if innermost else event.message), None)


def _said(answer: object) -> str:
    """The message of an error, whatever kind it is of."""
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    if isinstance(errors, list):
        return " ".join(filter(None, map(_said, errors)))
    message = answer.get("message")
    return _first_line(message) if isinstance(message, str) else ""


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if len(line) > _LONGEST_ERROR:
        return f"{line[:_LONGEST_ERROR]}..."
    return line if not line or line[-1] in ".!?" else f"{line}."


def _utc(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
