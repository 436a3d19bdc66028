"""`costpulse token`: tokens of the API: make, list, revoke."""

import getpass
from datetime import date
from pathlib import Path

import click

from costpulse_assets.api_tokens import create_token, revoke_token, stored_tokens
from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import Day, data_dir_option, format_option, print_rows
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.settings import load_settings

_actor_option = click.option(
    "--actor", default=getpass.getuser, show_default="the user of this computer", help="Who does it."
)


@click.group()
def token() -> None:
    """Tokens of the JSON API: make, list, revoke."""


@token.command()
@click.argument("name")
@click.option("--team", "teams", multiple=True, help="Only the rows of this team and those below it; may be repeated.")
@click.option("--expires", "last_day", type=Day(), help="Last day on which it is good (UTC); without it: for ever.")
@_actor_option
@data_dir_option
def create(name: str, teams: tuple[str, ...], last_day: date | None, actor: str, data_dir: Path | None) -> None:
    """Make a token called NAME and print it: this once, for only a hash of it is kept.

    Without --team it reads everything. It never writes anything.
    """
    with open_environment(load_settings(data_dir=data_dir)) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            made = create_token(connection, name, teams=teams, last_day=last_day, actor=actor)
    click.echo(made)
    click.echo("Keep it: it is not shown again. Send it as `Authorization: Bearer TOKEN`.", err=True)


@token.command(name="list")
@format_option
@data_dir_option
def list_tokens(output_format: str, data_dir: Path | None) -> None:
    """Print every token that was ever made, without its secret."""
    columns = ["name", "prefix", "status", "teams", "created_by", "created_at", "expires_at", "last_used_at"]
    with open_environment(load_settings(data_dir=data_dir)) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            rows = stored_tokens(connection)
    if output_format != "json":
        rows = [{**row, "teams": ", ".join(row["teams"] or ["all"])} for row in rows]
    print_rows(columns, [[row[column] for column in columns] for row in rows], output_format)


@token.command()
@click.argument("name")
@_actor_option
@data_dir_option
def revoke(name: str, actor: str, data_dir: Path | None) -> None:
    """Revoke the token called NAME: from the next request on it is refused."""
    with open_environment(load_settings(data_dir=data_dir)) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            revoke_token(connection, name, actor=actor)
    click.echo(f"{name} is revoked.", err=True)
