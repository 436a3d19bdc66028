"""Runs of the pipeline that failed, as Dagster tells them, become findings of the alerts `pipeline_failed`.

A sensor of its own, not a run failure sensor: that one forgets a run whose message could not be written.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, EventLogRecord, RunStatusChangeRecordsFilter
from pydantic import BaseModel

from costpulse_assets.alerts.active_alerts import ActiveAlert, load_alerts
from costpulse_assets.alerts.alert_types.declaration import Finding
from costpulse_assets.alerts.recording import record
from costpulse_assets.resources.database import Database, open_database
from costpulse_assets.settings import Settings

_NEXT_STEP = "Open the run, read the error of the step that failed, and start the job again once its cause is gone."
#: An event gets its number before others can see it: what is younger may still get one before it.
_SETTLED_AFTER = timedelta(seconds=10)
#: What the first look is about; a job that fails for longer fails again.
_FIRST_LOOK = timedelta(days=7)
_REMIND_AFTER = timedelta(days=1)
_PAGE = 500
_LONGEST_ERROR = 500


class _Failing(BaseModel):
    """A job whose last run failed."""

    first_run_id: str
    since: datetime
    run_id: str
    failed_runs: int
    step: str | None
    error: str
    next_step: str


class _Cursor(BaseModel):
    """How far the events were read, and which jobs were failing there."""

    after: int | None = None
    failing: dict[str, _Failing] = {}


class _Success(BaseModel):
    run_id: str
    at: datetime


def record_failed_runs(
    database: Database, settings: Settings, instance: DagsterInstance, cursor: str | None, now: datetime
) -> str:
    """Reads the runs that failed or succeeded since the cursor, and records what alerts have to say about them.

    Everything it says follows from the events, and a finding is recorded once: after an exception, the same cursor
    gives the same again.

    Args:
        database: as the owner.
        settings: where Dagster's UI is; where to when there is no route.
        instance: whose runs are read.
        cursor: what the last call returned; None: the first one.
        now: the present moment.

    Returns:
        The cursor for the next call.
    """
    state = _Cursor.model_validate_json(cursor) if cursor else _Cursor()
    over: list[tuple[str, _Failing, _Success]] = []
    for event in _outcomes(instance, state.after, now):
        entry = event.event_log_entry
        job, at = entry.job_name or "", datetime.fromtimestamp(entry.timestamp, UTC)
        if entry.dagster_event_type == DagsterEventType.RUN_SUCCESS:
            if failing := state.failing.pop(job, None):
                over.append((job, failing, _Success(run_id=entry.run_id, at=at)))
        elif not _is_tried_again(instance, entry.run_id):
            state.failing[job] = _failure(event, at, state.failing.get(job))
        state.after = event.storage_id
    if state.failing or over:
        with database.transaction() as connection:
            alerts = load_alerts(connection, types=("pipeline_failed",))
            findings = [
                finding
                for alert in alerts
                for finding in (
                    *(_ended(alert, settings, *each) for each in over if _watches(alert, each[0])),
                    *(
                        _firing(alert, settings, job, failing, now)
                        for job, failing in state.failing.items()
                        if _watches(alert, job)
                    ),
                )
                if finding.occurred_on >= alert.watches_from
            ]
            record(connection, settings, alerts, findings, now=now)
    return state.model_dump_json()


def watch_failed_runs(settings: Settings) -> dg.SensorDefinition:
    """The sensor `watch_failed_runs`: it starts nothing, it writes findings."""

    @dg.sensor(
        name="watch_failed_runs",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Records runs that failed, and those that succeed after them, for the alerts of type "
        "pipeline_failed.",
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        with open_database(settings) as database:
            # The cursor is stored only when the tick succeeds: what was not recorded is read again.
            context.update_cursor(
                record_failed_runs(database, settings, context.instance, context.cursor, datetime.now(UTC))
            )
        return dg.SkipReason("Looked at the runs that ended.")

    return watch


def _outcomes(instance: DagsterInstance, after: int | None, now: datetime) -> Iterator[EventLogRecord]:
    """The ends of runs since then, in the order in which they were stored."""
    until = (now - _SETTLED_AFTER).timestamp()
    first_look = (now - _FIRST_LOOK).timestamp() if after is None else None
    while True:
        pages = [
            instance.fetch_run_status_changes(
                RunStatusChangeRecordsFilter(kind, after_storage_id=after, after_timestamp=first_look),
                limit=_PAGE,
                ascending=True,
            )
            for kind in (DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS)
        ]
        # What comes after the end of a page that is not the last may come after events of the next page.
        ends = [page.records[-1].storage_id for page in pages if page.has_more]
        events = [event for page in pages for event in page.records if not ends or event.storage_id <= min(ends)]
        for event in sorted(events, key=lambda event: event.storage_id):
            if event.timestamp > until:
                return
            yield event
            after = event.storage_id
        if not ends:
            return


def _is_tried_again(instance: DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.tags.get("dagster/will_retry") == "true"


def _failure(event: EventLogRecord, at: datetime, before: _Failing | None) -> _Failing:
    entry = event.event_log_entry
    step, error, next_step = _what_went_wrong(event)
    return _Failing(
        first_run_id=before.first_run_id if before else entry.run_id,
        since=before.since if before else at,
        run_id=entry.run_id,
        failed_runs=before.failed_runs + 1 if before else 1,
        step=step,
        error=error,
        next_step=next_step,
    )


def _what_went_wrong(event: EventLogRecord) -> tuple[str | None, str, str]:
    """The step that failed first, the first line of its error, and the next step that a named failure tells."""
    happened = event.event_log_entry.get_dagster_event()
    # A run whose process died has a message alone.
    data = happened.job_failure_data if happened.event_specific_data else None
    first_failure = data.first_step_failure_event if data else None
    if first_failure is None:
        message = (data.error.message if data and data.error else None) or happened.message or ""
        return None, _first_line(message) or "It ended without saying why.", _NEXT_STEP
    failure = first_failure.step_failure_data
    said = failure.user_failure_data
    if said is not None and said.description:
        # Of a named failure the sentence and what to do about it are apart; others have their text alone.
        named = {name: str(value.value) for name, value in said.metadata.items()}
        error = _first_line(named.get("what happened") or said.description)
        return first_failure.step_key, error, named.get("next step") or _NEXT_STEP
    error_info = failure.error
    while error_info is not None and error_info.cause is not None:
        error_info = error_info.cause
    message = error_info.message if error_info else ""
    return first_failure.step_key, _first_line(message) or "It failed without saying why.", _NEXT_STEP


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if len(line) > _LONGEST_ERROR:
        return f"{line[:_LONGEST_ERROR]}..."
    return line if not line or line[-1] in ".!?" else f"{line}."


def _watches(alert: ActiveAlert, job: str) -> bool:
    jobs: tuple[str, ...] = alert.options.model_dump()["jobs"]
    return not jobs or job in jobs


def _firing(alert: ActiveAlert, settings: Settings, job: str, failing: _Failing, now: datetime) -> Finding:
    reminder = max((now - failing.since) // _REMIND_AFTER, 0)
    return _finding(
        alert, settings, job, failing, reminder=reminder, at=failing.since + reminder * _REMIND_AFTER, success=None
    )


def _ended(alert: ActiveAlert, settings: Settings, job: str, failing: _Failing, success: _Success) -> Finding:
    return _finding(alert, settings, job, failing, reminder=0, at=success.at, success=success)


def _finding(
    alert: ActiveAlert,
    settings: Settings,
    job: str,
    failing: _Failing,
    *,
    reminder: int,
    at: datetime,
    success: _Success | None,
) -> Finding:
    run_id = success.run_id if success else failing.run_id
    dagster_ui = settings.dagster_url or f"http://{settings.dagster_host}:{settings.dagster_port}"
    return Finding(
        alert_id=alert.id,
        scope_type=alert.scope_type,
        scope_id=alert.scope_id,
        scope_name=alert.scope_name,
        team_id=None,
        subject=f"failed:{job}:{failing.first_run_id}",
        threshold=None,
        phase="ended" if success else "firing",
        reminder=reminder,
        occurred_on=at.date(),
        current_value=Decimal(failing.failed_runs),
        expected_value=None,
        evidence={
            "job": job,
            "run_id": run_id,
            "run_url": f"{dagster_ui.rstrip('/')}/runs/{run_id}",
            "first_run_id": failing.first_run_id,
            "failed_runs": failing.failed_runs,
            "since": failing.since.isoformat(),
            "step": failing.step,
            "error": failing.error,
            "next_step": failing.next_step,
            "ended_at": success.at.isoformat() if success else None,
        },
    )
