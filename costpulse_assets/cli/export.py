"""`costpulse export`: everything that people decided, as one YAML file."""

from pathlib import Path

import click

from costpulse_assets.allocation.rules_as_code import rules_text, stored_rules
from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import data_dir_option
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.settings import load_settings


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write; without it, standard output."
)
@data_dir_option
def export(output: Path | None, data_dir: Path | None) -> None:
    """Write teams, rules, splits, prices, budgets, alerts, routes and tag policies as YAML, for `costpulse apply`."""
    with open_environment(load_settings(data_dir=data_dir)) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            text = rules_text(stored_rules(connection))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise BadInput(
            f"{output} cannot be written: {error.strerror}.", next_step="Choose another file with --output."
        ) from error
