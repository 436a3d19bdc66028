"""The command over a database server of one's own."""

from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from costpulse_assets.cli.environment import _beside
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.cli.conftest import Run
from tests.cli.processes import free_port, refused

PASSWORD = "p/ss w%rd@x"
COMMANDS = [("migrate",), ("up", "--demo", "--no-ui"), ("sql", "select 1"), ("query", "today"), ("env",)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that asks the user `owner` for a password, with another one in its place."""
    folder = tmp_path_factory.mktemp("guarded")
    with EmbeddedPostgres(folder) as server:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("create role owner login createdb")
            admin.execute(sql.SQL("alter role owner password {}").format(sql.Literal("the right one")))
            rules = folder / "postgres" / "cluster" / "pg_hba.conf"
            rules.write_text("local all owner scram-sha-256\n" + rules.read_text())
            admin.execute("select pg_reload_conf()")
        yield server.url(user="owner").replace("owner@", f"owner:{quote(PASSWORD, safe='')}@")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_is_down_is_named(here: Run, command: tuple[str, ...]) -> None:
    port = free_port()
    url = f"postgresql://u:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/costpulse"
    refused(here(*command, COSTPULSE_DATABASE_URL=url), str(port), "Start the database", secret=PASSWORD)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_password_is_named_and_not_repeated(here: Run, guarded: str, command: tuple[str, ...]) -> None:
    result = here(*command, COSTPULSE_DATABASE_URL=guarded)
    refused(result, "password authentication failed", "Correct user and password", secret=PASSWORD)
    assert quote(PASSWORD, safe="") not in result.stderr


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@[::1/x", "postgresql://u:hunter2%zz@h/x", "postgresql://%"])
def test_a_url_that_cannot_be_read_is_not_repeated(here: Run, url: str) -> None:
    refused(here("migrate", COSTPULSE_DATABASE_URL=url), "malformed", "percent-encoded", secret="hunter2")


def test_a_dagster_url_that_cannot_be_read_is_not_repeated(here: Run, database_url: str) -> None:
    bad = {"COSTPULSE_DATABASE_URL": database_url, "COSTPULSE_DAGSTER_DATABASE_URL": "postgresql://u:hunter2@[::1/x"}
    refused(here("migrate", **bad), "Dagster's database", secret="hunter2")


def test_a_dagster_database_that_is_down_is_named(here: Run, database_url: str) -> None:
    down = f"postgresql://u@127.0.0.1:{free_port()}/dagster"
    result = here("migrate", COSTPULSE_DATABASE_URL=database_url, COSTPULSE_DAGSTER_DATABASE_URL=down)
    refused(result, "Dagster's database", "Start the database")


@pytest.mark.parametrize("command", [("sql", "select 1"), ("query", "today")])
def test_an_older_schema_asks_for_migrate(here: Run, empty_database_url: str, command: tuple[str, ...]) -> None:
    result = here(*command, COSTPULSE_DATABASE_URL=empty_database_url)
    refused(result, "is older than this code", "Run `costpulse migrate`")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_newer_schema_is_refused(here: Run, database_url: str, command: tuple[str, ...]) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into costpulse.schema_migrations (name, sha256) values ('9999_from_later', 'x')")
    result = here(*command, COSTPULSE_DATABASE_URL=database_url)
    refused(result, "is newer than this code", "9999_from_later", "Install the CostPulse version")


@pytest.mark.parametrize(
    ("url", "beside"),
    [
        ("postgresql://u:p%40@h:5432/x?sslmode=require", "postgresql://u:p%40@h:5432/dagster?sslmode=require"),
        ("postgresql:///x?host=/tmp/a", "postgresql:///dagster?host=/tmp/a"),
        ("postgresql://u@/x?host=%2Ftmp", "postgresql://u@/dagster?host=%2Ftmp"),
        ("postgresql://u:a?b@h/x", "postgresql://u:a?b@h/dagster"),
        ("postgresql://h", "postgresql://h/dagster"),
        ("postgresql://h?sslmode=require", "postgresql://h/dagster?sslmode=require"),
    ],
)
def test_dagster_gets_a_database_beside_ours(url: str, beside: str) -> None:
    assert _beside(url, "dagster") == beside
