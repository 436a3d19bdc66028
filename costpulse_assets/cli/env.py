"""`costpulse env`: print the exports that let plain `dagster` commands use this instance."""

import os
import shlex
from pathlib import Path

import click

from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.migrate import prepare_databases
from costpulse_assets.cli.options import data_dir_option
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from costpulse_assets.settings import load_settings


@click.command()
@data_dir_option
def env(data_dir: Path | None) -> None:
    """Print exports for the shell: eval "$(costpulse env)".

    Starts the embedded database where it is the one in use; it keeps running until this shell ends.
    """
    settings = load_settings(data_dir=data_dir)
    with open_environment(settings) as environment:
        prepare_databases(environment)
        if settings.database_url is None:
            # The parent is the shell that evaluates the output, or the subshell of $(...) whose group it leads.
            EmbeddedPostgres(settings.data_dir).keep_running_for(_shell())
        for name, value in environment.variables().items():
            click.echo(f"export {name}={shlex.quote(value)}")


def _shell() -> int:
    """The process that will use the exports: our parent, or its parent where that is the subshell of $(...)."""
    parent = os.getppid()
    try:
        stat = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()
        grandparent = int(stat[1])
        same_program = Path(f"/proc/{parent}/cmdline").read_bytes() == Path(f"/proc/{grandparent}/cmdline").read_bytes()
    except OSError:
        return parent
    return grandparent if same_program and grandparent > 1 else parent
