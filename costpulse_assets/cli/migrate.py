"""`costpulse migrate`: bring the database to this version of the schema."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import psycopg
from psycopg import sql

from costpulse_assets.cli.environment import Environment, open_environment
from costpulse_assets.cli.options import data_dir_option
from costpulse_assets.errors import DatabaseRefused
from costpulse_assets.resources.database import named_database_errors
from costpulse_assets.resources.migrations import MigrationReport
from costpulse_assets.resources.migrations import migrate as apply_migrations
from costpulse_assets.settings import load_settings


@click.command()
@data_dir_option
def migrate(data_dir: Path | None) -> None:
    """Create or upgrade the schema, the roles and Dagster's database; safe to run at any time."""
    with open_environment(load_settings(data_dir=data_dir)) as environment:
        report = prepare_databases(environment)
    for name in report.applied:
        click.echo(f"applied {name}")
    click.echo(summary(report))
    for note in report.notes:
        click.echo(f"note: {note}")


def summary(report: MigrationReport) -> str:
    """One line: version and edition."""
    return f"Database: {report.edition}, schema version {report.version}"


def prepare_databases(environment: Environment) -> MigrationReport:
    """Migrate ours, create Dagster's database if it is missing, and the app's login if one is configured."""
    report = apply_migrations(environment.database.url)
    _create_dagster_database(environment)
    app_url = environment.settings.app_database_url
    if app_url is not None:
        _create_app_login(environment.database.url, app_url.get_secret_value())
    return report


def _create_dagster_database(environment: Environment) -> None:
    name = unquote(urlsplit(environment.dagster_database_url).path.lstrip("/"))
    try:
        with psycopg.connect(environment.dagster_database_url, connect_timeout=10):
            return
    except psycopg.OperationalError:
        pass  # missing, or not reachable: the attempt to create it tells which
    with named_database_errors(), psycopg.connect(environment.database.url, autocommit=True) as connection:
        if connection.execute("select from pg_database where datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            return
    raise DatabaseRefused(
        f"Dagster's database {name} exists but does not accept the connection.",
        next_step="Check user and password in COSTPULSE_DAGSTER_DATABASE_URL.",
    )


def _create_app_login(owner_url: str, app_url: str) -> None:
    """The app's own login: exists, has this password, and is a member of costpulse_app (or is that role)."""
    parts = urlsplit(app_url)
    if parts.username is None or parts.username == urlsplit(owner_url).username:
        return
    user, password = unquote(parts.username), unquote(parts.password or "")
    with named_database_errors(), psycopg.connect(owner_url) as connection:
        if connection.execute("select from pg_roles where rolname = %s", [user]).fetchone() is None:
            connection.execute(sql.SQL("create role {}").format(sql.Identifier(user)))
        connection.execute(
            sql.SQL("alter role {} login password {}").format(sql.Identifier(user), sql.Literal(password))
        )
        if user != "costpulse_app":
            connection.execute(sql.SQL("grant costpulse_app to {}").format(sql.Identifier(user)))
