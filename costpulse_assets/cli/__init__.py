"""The `costpulse` command: one file per verb, errors as one sentence and the next step, exit code 0 only on success."""

import gc
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from costpulse_assets.cli.alert import alert
from costpulse_assets.cli.apply import apply
from costpulse_assets.cli.close import close
from costpulse_assets.cli.deliver import deliver
from costpulse_assets.cli.doctor import doctor
from costpulse_assets.cli.env import env
from costpulse_assets.cli.explain import explain
from costpulse_assets.cli.export import export
from costpulse_assets.cli.materialize import materialize
from costpulse_assets.cli.migrate import migrate
from costpulse_assets.cli.query import query
from costpulse_assets.cli.reconcile import reconcile
from costpulse_assets.cli.report import report
from costpulse_assets.cli.sql import sql
from costpulse_assets.cli.statement import statement
from costpulse_assets.cli.token import token
from costpulse_assets.cli.up import up
from costpulse_assets.errors import CostPulseError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="costpulse")
def cli() -> None:
    """FinOps for Databricks: who spends what, is it normal, what comes next, what to switch off."""


COMMANDS = (
    up,
    doctor,
    migrate,
    materialize,
    query,
    explain,
    export,
    apply,
    close,
    statement,
    report,
    reconcile,
    alert,
    deliver,
    sql,
    token,
    env,
)

for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Entry point: named failures become one sentence and the next step on stderr."""
    # Dagster makes objects by the hundred thousand that all stay: looking for garbage among them as often as Python
    # does takes a tenth of a run.
    gc.set_threshold(100_000, 20, 20)
    # Libraries log what they are about to raise, in their own words and many lines.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        with _interruptible():
            sys.exit(cli.main(prog_name="costpulse", standalone_mode=False))
    except CostPulseError as error:
        click.echo(f"costpulse: {error.message}\n  Next step: {error.next_step}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        # Interrupted inside an exec of a text, as a class of a library is made, Python would end by the signal although
        # this was caught here. The next text that it runs lets it forget.
        eval("None")  # noqa: S307
        click.echo("Interrupted; what was finished is kept, the next start continues.", err=True)
        sys.exit(130)


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM stops like Ctrl-C, and both work even where the shell that started us ignores them.

    Only the first one counts: it makes us stop everything we started, which a second one must not break off.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
