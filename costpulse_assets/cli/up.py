"""`costpulse up`: database, schema, first materialization, then the app and the Dagster UI until Ctrl-C."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from costpulse_assets.addresses import expect_guarded_app, expect_guarded_dagster
from costpulse_assets.allocation.demo_rules import give_demo_rules
from costpulse_assets.cli.environment import Environment, open_environment
from costpulse_assets.cli.migrate import prepare_databases, summary
from costpulse_assets.cli.options import data_dir_option, print_rows
from costpulse_assets.cli.runs import RunFailed, run_assets, say_what_was_not_read
from costpulse_assets.cli.services import Services, expect_free_ports
from costpulse_assets.errors import AlreadyRunning, BadSettings
from costpulse_assets.identities import identities_of
from costpulse_assets.periods import Period
from costpulse_assets.resources.open_source import (
    DEMO_ACCOUNT,
    connections_of_another_source,
    first_usage_date,
    reads_demo_account,
)
from costpulse_assets.settings import Settings, load_settings


@click.command()
@click.option("--demo", is_flag=True, help="Use the built-in demo account instead of Databricks.")
@click.option("--no-ui", is_flag=True, help="Stop after the materialization, with a summary.")
@click.option("--days", type=click.IntRange(8, 1200), help="Days of history to take on the first start.")
@click.option("--app-port", type=click.IntRange(1, 65535), help="Port of the app (default 8501).")
@click.option("--dagster-port", type=click.IntRange(1, 65535), help="Port of the Dagster UI (default 3000).")
@data_dir_option
def up(
    demo: bool,
    no_ui: bool,
    days: int | None,
    app_port: int | None,
    dagster_port: int | None,
    data_dir: Path | None,
) -> None:
    """Start everything: embedded database if none is configured, schema, first materialization, app, Dagster UI."""
    settings = load_settings(
        demo=demo or None,
        demo_days=days,
        retention_days=days,
        app_port=app_port,
        dagster_port=dagster_port,
        data_dir=data_dir,
    )
    if not reads_demo_account(settings) and not settings.sources:
        raise BadSettings(
            "No source is configured.",
            next_step="Set COSTPULSE_DATABRICKS_HOST, COSTPULSE_DATABRICKS_HTTP_PATH and COSTPULSE_DATABRICKS_TOKEN, "
            "or look around first with `costpulse up --demo`.",
        )
    if not no_ui:
        expect_guarded_app(settings)
        expect_guarded_dagster(settings)
        expect_free_ports(
            {
                "the app": (settings.app_host, settings.app_port),
                "Dagster": (settings.dagster_host, settings.dagster_port),
            }
        )
    with ExitStack() as stack:
        stack.enter_context(_only_one_up(settings))
        started = time.monotonic()
        environment = stack.enter_context(open_environment(settings))
        report = prepare_databases(environment)
        click.echo(summary(report))
        for note in report.notes:
            click.echo(f"  note: {note}")
        # A database with the bills of another source keeps its rules; reading it is refused, with the reason.
        if reads_demo_account(settings) and not connections_of_another_source(environment.database, settings):
            give_demo_rules(environment.database, identities_of(settings))
        window = _window_to_read(environment)
        click.echo(f"Reading {_source_name(settings)}, usage of {window} ...")
        try:
            run_assets(environment, (), window, only_changed=True)
        except RunFailed as failure:
            # With data from before, people can go on looking while somebody mends the source.
            if no_ui or not _days_there(environment, window)["days"]:
                raise
            click.echo(f"costpulse: {failure.message}\n  Next step: {failure.next_step}", err=True)
        say_what_was_not_read(environment.database)
        _print_summary(environment, time.monotonic() - started)
        if no_ui:
            return
        with Services(environment) as services:
            services.start()
            click.echo(f"App:        http://{settings.app_host}:{settings.app_port}")
            click.echo(f"Dagster UI: http://{settings.dagster_host}:{settings.dagster_port}")
            click.echo("Ctrl-C stops everything.")
            services.wait()
    click.echo("Stopped.")


def _window_to_read(environment: Environment) -> Period:
    """The whole retention until it is there once; then the trailing days, as older ones are the weekly rescan's."""
    settings = environment.settings
    today = settings.current_date()
    first_day = max(first_usage_date(settings), today - timedelta(days=settings.retention_days - 1))
    trailing_day = max(first_day, today - timedelta(days=settings.collect_trailing_days - 1))
    if first_day < trailing_day:
        older = Period(first_day, trailing_day - timedelta(days=1))
        if _days_there(environment, older)["days_of_window"] < len(older):
            return Period(first_day, today)
    return Period(trailing_day, today)


def _days_there(environment: Environment, window: Period) -> dict[str, Any]:
    return environment.database.rows("app/progress_days", {"from_date": window.first, "to_date": window.last})[0]


def _print_summary(environment: Environment, seconds: float) -> None:
    row = environment.database.rows("app/collection_summary")[0]
    columns = ["records", "days", "first_day", "last_day", "cost_usd", "unpriced_rows", "seconds"]
    print_rows(
        columns,
        [
            [
                row["records"],
                row["days"],
                row["first_day"],
                row["last_day"],
                round(row["cost_usd"], 2),
                row["unpriced_rows"],
                round(seconds, 1),
            ]
        ],
        "table",
    )


def _source_name(settings: Settings) -> str:
    return f"the {DEMO_ACCOUNT}" if reads_demo_account(settings) else settings.sources[0].host


@contextmanager
def _only_one_up(settings: Settings) -> Iterator[None]:
    """Refuse a second `up` on the same data directory; the kernel frees the lock of a killed one."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock = (settings.data_dir / "up.lock").open("w")
    except OSError as error:
        raise BadSettings(
            f"The data directory {settings.data_dir} cannot be written: {error.strerror}.",
            next_step="Give this user rights there, or choose another folder with --data-dir.",
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"Another `costpulse up` is running on {settings.data_dir}.",
                next_step="Use that one, stop it with Ctrl-C, or choose another folder with --data-dir.",
            ) from None
        yield
