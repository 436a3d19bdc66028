"""`costpulse migrate`: bring the database to this version of the schema."""

from pathlib import Path

import click
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from costpulse_assets.cli.environment import Environment, open_environment
from costpulse_assets.cli.options import data_dir_option
from costpulse_assets.resources.database import named_database_errors
from costpulse_assets.resources.database_errors import classify_database_error
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
    url = environment.dagster_database_url
    try:
        name = str(conninfo_to_dict(url).get("dbname", ""))
        try:
            psycopg.connect(url, connect_timeout=10).close()
            return
        except psycopg.OperationalError as refused:
            if "does not exist" not in str(refused):
                raise
        with psycopg.connect(environment.database.url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            # Dagster commits every event of a run. A crash of the machine may lose the newest of them, and no figure.
            connection.execute(sql.SQL("alter database {} set synchronous_commit = off").format(sql.Identifier(name)))
    except psycopg.errors.DuplicateDatabase:
        return  # another start was faster
    except psycopg.Error as error:
        raise classify_database_error(error, doing="use Dagster's database", url=url) from error


def _create_app_login(owner_url: str, app_url: str) -> None:
    """The app's own login: exists, has this password, and is a member of costpulse_app (or is that role)."""
    with named_database_errors():
        login = conninfo_to_dict(app_url)
        user, password = login.get("user"), login.get("password", "")
        if user is None or user == conninfo_to_dict(owner_url).get("user"):
            return
        with psycopg.connect(owner_url) as connection:
            if connection.execute("select from pg_roles where rolname = %s", [user]).fetchone() is None:
                connection.execute(sql.SQL("create role {}").format(sql.Identifier(str(user))))
            connection.execute(
                sql.SQL("alter role {} login password {}").format(sql.Identifier(str(user)), sql.Literal(password))
            )
            if user != "costpulse_app":
                connection.execute(sql.SQL("grant costpulse_app to {}").format(sql.Identifier(str(user))))
