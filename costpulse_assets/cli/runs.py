"""Running assets in this process, with progress for people and the first named failure for the caller."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import psycopg
from dagster._utils.error import SerializableErrorInfo
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
        causes = list(_causes(result))
        if any(cause.cls_name in ("KeyboardInterrupt", "DagsterExecutionInterruptedError") for _, cause in causes):
            raise KeyboardInterrupt
        raise _first_failure(result, causes)
    return RunOutcome(result.run_id, (datetime.now(UTC) - started).total_seconds())


def _causes(result: dg.ExecuteInProcessResult) -> Iterator[tuple[str | None, SerializableErrorInfo]]:
    """Every error of the run with its step (None outside of steps), first to last, each followed by its causes."""
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None)
        while error is not None:
            yield event.step_key, error
            error = error.cause


def _first_failure(
    result: dg.ExecuteInProcessResult, causes: list[tuple[str | None, SerializableErrorInfo]]
) -> RunFailed:
    look = f"Look at run {result.run_id} in the Dagster UI."
    for step, cause in causes:
        # What a CostPulseError says of itself, also where it arose outside of a step.
        message, named, next_step = cause.message.partition(": ")[2].strip().partition(" Next step: ")
        if named:
            return RunFailed(f"{step}: {message}" if step else message, next_step=next_step)
    failed_checks = [
        f"{check.asset_key.to_user_string()}: {check.check_name}"
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR
    ]
    if failed_checks:
        return RunFailed(f"A blocking check failed: {', '.join(failed_checks)}.", next_step=look)
    if causes:
        step, error = causes[0]
        while error.cause is not None:
            error = error.cause
        return RunFailed(f"{step or 'The run'} failed: {error.message.strip()}", next_step=look)
    return RunFailed("The run failed.", next_step=look)


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
