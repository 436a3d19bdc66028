"""Running assets in this process, with progress for people and the first named failure for the caller."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import psycopg
from dagster import DagsterEventType
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from costpulse_assets.cli.environment import Environment
from costpulse_assets.collectors.windows import Window
from costpulse_assets.definitions import build_definitions
from costpulse_assets.errors import BadInput, CostPulseError, DatabaseUnavailable
from costpulse_assets.resources.database import Database
from costpulse_assets.schedules import range_tags

#: In the order of the way of the data: what people see while they wait.
STAGES = {
    "cost_records": "Collecting usage",
    "key_allocations": "Allocating",
    "cost_allocations": "Summing teams",
    "daily_costs": "Rolling up days",
    "daily_key_costs": "Rolling up keys",
}


class RunFailed(CostPulseError):
    """A run of assets failed; the message is that of the first failure."""


@dataclass(frozen=True)
class RunOutcome:
    """A run that succeeded."""

    run_id: str
    seconds: float


def run_assets(environment: Environment, names: tuple[str, ...], window: Window, *, only_changed: bool) -> RunOutcome:
    """Materialize assets over a window of usage days in one run, in this process.

    Args:
        environment: an open, migrated environment.
        names: asset names; empty means all.
        window: usage days, both ends included.
        only_changed: take only the days that changed.

    Raises:
        BadInput: there is no asset of that name.
        RunFailed: with the sentence and next step of the first failure.
    """
    definitions = build_definitions(environment.settings)
    job = definitions.resolve_implicit_global_asset_job_def()
    known = {key.to_user_string() for key in definitions.resolve_asset_graph().materializable_asset_keys}
    unknown = sorted(set(names) - known)
    if unknown:
        raise BadInput(
            f"There is no asset called {', '.join(unknown)}.", next_step=f"Choose from {', '.join(sorted(known))}."
        )
    if names:
        job = job.get_subset(asset_selection={dg.AssetKey.from_user_string(name) for name in names})
    started = datetime.now(UTC)
    with dg.DagsterInstance.get() as instance, _progress(environment.database, window, started):
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags=range_tags(window.first, window.last, only_changed=only_changed),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if not result.success:
        raise _first_failure(result)
    return RunOutcome(result.run_id, (datetime.now(UTC) - started).total_seconds())


def _first_failure(result: dg.ExecuteInProcessResult) -> RunFailed:
    for event in result.all_events:
        if event.event_type != DagsterEventType.STEP_FAILURE:
            continue
        data = event.step_failure_data
        metadata = data.user_failure_data.metadata if data.user_failure_data else {}
        if "what happened" in metadata:
            return RunFailed(
                f"{event.step_key}: {metadata['what happened'].value}",
                next_step=str(metadata["next step"].value),
            )
        error = data.error
        cause = error.cause if error is not None and error.cause is not None else error
        return RunFailed(
            f"{event.step_key} failed: {cause.message.strip() if cause else 'no reason was recorded'}",
            next_step=f"Look at run {result.run_id} in the Dagster UI.",
        )
    failed_checks = [
        f"{check.asset_key.to_user_string()}: {check.check_name}"
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR
    ]
    return RunFailed(
        f"A blocking check failed: {', '.join(failed_checks)}." if failed_checks else "The run failed.",
        next_step=f"Look at run {result.run_id} in the Dagster UI.",
    )


@contextmanager
def _progress(database: Database, window: Window, started: datetime) -> Iterator[None]:
    """A bar per stage, counted from our own books; quiet where stderr is not a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    finished = threading.Event()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks = {asset: bars.add_task(name, total=len(window), visible=False) for asset, name in STAGES.items()}

        def watch() -> None:
            while not finished.wait(0.5):
                try:
                    counts = database.rows("app/progress", {"since": started})
                except (DatabaseUnavailable, psycopg.Error):
                    continue  # the run itself reports what is wrong with the database
                for row in counts:
                    if row["asset"] in tasks:
                        bars.update(tasks[row["asset"]], completed=row["days"], visible=True)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            finished.set()
            watcher.join()
