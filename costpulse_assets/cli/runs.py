"""Running assets in this process, with progress for people and the first named failure for the caller."""

import os
import select
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
import dagster as dg
import psycopg
from dagster import DagsterEventType
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from costpulse_assets.cli.environment import Environment
from costpulse_assets.definitions import build_definitions
from costpulse_assets.errors import BadInput, CostPulseError, DatabaseUnavailable
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.open_source import connections_of_another_source
from costpulse_assets.schedules import range_tags

#: In the order of the way of the data: what people see while they wait.
STAGES = {
    "cost_records": "Collecting usage",
    "key_allocations": "Allocating",
    "cost_allocations": "Summing teams",
    "daily_costs": "Rolling up days",
    "daily_key_costs": "Rolling up keys",
    "node_utilization": "Collecting clusters",
    "query_activity": "Collecting queries",
    "job_run_days": "Collecting job runs",
    "hourly_costs": "Collecting hours",
}


class RunFailed(CostPulseError):
    """A run of assets failed; the message is that of the first failure."""


@dataclass(frozen=True)
class RunOutcome:
    """A run that succeeded."""

    run_id: str
    seconds: float


def run_assets(
    environment: Environment,
    names: tuple[str, ...],
    window: Period,
    *,
    only_changed: bool,
    config: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunOutcome:
    """Materialize assets over a window of usage days in one run, in this process.

    Args:
        environment: an open, migrated environment.
        names: asset names; empty means all.
        window: usage days, both ends included.
        only_changed: take only the days that changed.
        config: what assets are told, by their names.

    Raises:
        BadInput: there is no asset of that name, or the database holds the bills of another source.
        RunFailed: with the sentence and next step of the first failure.
        KeyboardInterrupt: also when the run took the signal for something else.
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
    _expect_one_source(environment)
    started = datetime.now(UTC)
    with (
        _interruptible(),
        dg.DagsterInstance.get() as instance,
        _progress(environment.database, window, started),
    ):
        # Otherwise Dagster connects anew for each event it stores, a thousand times in a run.
        instance.optimize_for_webserver(statement_timeout=0, pool_recycle=3_600, max_overflow=4)
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags=range_tags(window.first, window.last, only_changed=only_changed),
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "ops": {name: {"config": dict(told)} for name, told in (config or {}).items()},
            },
        )
    if not result.success:
        raise _first_failure(result)
    return RunOutcome(result.run_id, (datetime.now(UTC) - started).total_seconds())


def say_what_was_not_read(database: Database) -> None:
    """One line on stderr for each source whose last reading did not go through: the run went on without it."""
    for row in database.rows("app/sources_not_read"):
        click.echo(
            f"  {row['source']} ({row['connection']}): {row['state']}. {row['message']}\n"
            f"    Next step: {row['next_step']}",
            err=True,
        )


def _expect_one_source(environment: Environment) -> None:
    foreign = connections_of_another_source(environment.database, environment.settings)
    if foreign:
        raise BadInput(
            f"This database already holds the bills of {', '.join(foreign)}.",
            next_step="Choose another folder with --data-dir, or another COSTPULSE_DATABASE_URL.",
        )


def _first_failure(result: dg.ExecuteInProcessResult) -> RunFailed:
    look = f"Look at run {result.run_id} in the Dagster UI."
    causes = list(_causes(result))
    for step, reason in causes:
        # What a CostPulseError says of itself, also where it arose outside of a step.
        message, named, next_step = reason.partition(": ")[2].partition(" Next step: ")
        if named:
            return RunFailed(f"{step}: {message}" if step else message, next_step=next_step)
    failed_checks = [
        f"{check.asset_key.to_user_string()}: {check.check_name}"
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR
    ]
    if failed_checks:
        return RunFailed(f"A blocking check failed: {', '.join(failed_checks)}.", next_step=look)
    step, reason = causes[0] if causes else (None, "no reason was recorded")
    return RunFailed(f"{step or 'The run'} failed: {reason}", next_step=look)


def _causes(result: dg.ExecuteInProcessResult) -> Iterator[tuple[str | None, str]]:
    """What went wrong, first to last: step (None outside of steps) and message, the deepest cause of each first."""
    for event in result.all_events:
        failed = event.event_type in (DagsterEventType.STEP_FAILURE, DagsterEventType.RESOURCE_INIT_FAILURE)
        error = getattr(event.event_specific_data, "error", None) if failed else None
        messages = []
        while error is not None:
            messages.append(error.message.strip())
            error = error.cause
        yield from ((event.step_key, message) for message in reversed(messages))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ends with KeyboardInterrupt if a signal came, whatever became of it inside.

    While a run lasts Dagster has handlers of its own, DuckDB makes a RuntimeError of what they raise, and a signal
    between two steps is dropped.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    try:
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            if select.select([reader], [], [], 0)[0]:
                raise KeyboardInterrupt
    finally:
        os.close(reader)
        os.close(writer)


@contextmanager
def _progress(database: Database, window: Period, started: datetime) -> Iterator[None]:
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
