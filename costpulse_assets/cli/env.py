"""`costpulse env`: print the exports that let plain `dagster` commands use this instance."""

import shlex
from pathlib import Path

import click

from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.migrate import prepare_databases
from costpulse_assets.cli.options import data_dir_option
from costpulse_assets.resources.embedded_postgres import calling_shell, keep_running_for
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
            keep_running_for(calling_shell(), settings.data_dir)
        # For plain commands only: the webserver and the daemon refuse it beside their workspace file.
        code_location = {"DAGSTER_MODULE_NAME": "costpulse_assets.definitions"}
        for name, value in {**environment.variables(), **code_location}.items():
            click.echo(f"export {name}={shlex.quote(value)}")
