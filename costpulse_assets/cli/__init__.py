"""The `costpulse` command: one file per verb, errors as one sentence and the next step, exit code 0 only on success."""

import gc
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType

import click

from costpulse_assets.errors import CostPulseError

#: Each is a function of its name in the file of its name, in the order of `costpulse --help`.
COMMANDS = (
    "up",
    "doctor",
    "migrate",
    "materialize",
    "query",
    "explain",
    "export",
    "apply",
    "close",
    "statement",
    "report",
    "reconcile",
    "alert",
    "deliver",
    "sql",
    "token",
    "env",
)


class _Commands(click.Group):
    """Loads the file of a command with the command: all of them bring Dagster, which takes two seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(f"costpulse_assets.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="costpulse")
def cli() -> None:
    """FinOps for Databricks: who spends what, is it normal, what comes next, what to switch off."""


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
