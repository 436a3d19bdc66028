"""`costpulse doctor`: what is set up, what is not, and how to mend it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from costpulse_assets.cli.options import data_dir_option, format_option, print_rows
from costpulse_assets.doctor.everything import examine

COLUMNS = ("area", "check", "result", "found", "fix")

#: Seconds of silence before it says what it is doing.
_SILENT_SECONDS = 2.0


@click.command()
@format_option
@data_dir_option
@click.pass_context
def doctor(context: click.Context, output_format: str, data_dir: Path | None) -> None:
    """Check settings, database, connections, system tables and ways out for alerts; changes nothing.

    Each check is a row: ok, warning, failed or skipped, what was found, and the fix. The exit code is 0 when nothing
    failed, 1 otherwise.
    """
    with _progress() as announce:
        findings = examine(data_dir, announce)
    print_rows(COLUMNS, [[getattr(finding, name) for name in COLUMNS] for finding in findings], output_format)
    if any(finding.result == "failed" for finding in findings):
        context.exit(1)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """What is looked at now, on stderr, once it takes longer than a moment."""
    step = "settings"
    talking = False

    def announce(name: str) -> None:
        nonlocal step
        step = name
        if talking:
            say()

    def say() -> None:
        click.echo(f"checking {step} ...", err=True)

    def start_talking() -> None:
        nonlocal talking
        talking = True
        say()

    timer = threading.Timer(_SILENT_SECONDS, start_talking)
    timer.daemon = True
    timer.start()
    try:
        yield announce
    finally:
        timer.cancel()
