"""Whatever is typed wrong ends in one sentence with the next step, before anything is started or written."""

import socket
from pathlib import Path

import click
import pytest

from costpulse_assets.cli import cli
from tests.cli.conftest import Run
from tests.cli.processes import Costpulse, refused

SECRET = "dapi0123456789abcdef"
COMMANDS = {"up", "migrate", "materialize", "query", "sql", "env"}
DATABRICKS = {"COSTPULSE_DATABRICKS_HOST": "dbc-1.example.com", "COSTPULSE_DATABRICKS_HTTP_PATH": "/sql/1.0/w"}


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"COSTPULSE_COLLECT_CRON": "every now and then"}, "COSTPULSE_COLLECT_CRON: is not a cron expression"),
        ({"COSTPULSE_RESCAN_CRON": "99 * * * *"}, "COSTPULSE_RESCAN_CRON: is not a cron expression"),
        ({"COSTPULSE_DATABASE_URL": f"mysql://u:{SECRET}@h/x"}, "COSTPULSE_DATABASE_URL: must start with postgresql"),
        ({"COSTPULSE_CONNECTIONS": f'[{{"token": "{SECRET}"'}, "COSTPULSE_CONNECTIONS: is not JSON"),
        ({"COSTPULSE_CONNECTIONS": f'{{"token": "{SECRET}"}}'}, "COSTPULSE_CONNECTIONS: must be a JSON list"),
        ({"COSTPULSE_CONNECTIONS": f'[{{"tokken": "{SECRET}"}}]'}, "COSTPULSE_CONNECTIONS_0_TOKKEN"),
        ({**DATABRICKS, "COSTPULSE_DATABRICKS_TOKEN": SECRET, "COSTPULSE_DATABRICKS_CLIENT_ID": "a"}, "service princ"),
        (
            {
                **DATABRICKS,
                "COSTPULSE_DATABRICKS_TOKEN": SECRET,
                "COSTPULSE_DATABRICKS_CLIENT_ID": "a",
                "COSTPULSE_DATABRICKS_CLIENT_SECRET": SECRET,
            },
            "a token or a service principal, not both",
        ),
        (DATABRICKS, "give a token"),
        ({**DATABRICKS, "COSTPULSE_DATABRICKS_HOST": "https://h/sql?x=1"}, "COSTPULSE_DATABRICKS_HOST"),
        ({"COSTPULSE_COLLECT_CHUNK_DAYS": "0"}, "COSTPULSE_COLLECT_CHUNK_DAYS"),
        ({"COSTPULSE_RETENTION_DAYS": "many"}, "COSTPULSE_RETENTION_DAYS"),
        ({"COSTPULSE_APP_PORT": "70000"}, "COSTPULSE_APP_PORT"),
        ({"COSTPULSE_CURRENCY": "euro"}, "COSTPULSE_CURRENCY"),
        ({"COSTPULSE_TODAY": "the 31st"}, "COSTPULSE_TODAY"),
    ],
)
def test_a_nonsense_setting_is_named_and_its_value_is_not_repeated(
    here: Run, variables: dict[str, str], text: str, tmp_path: Path
) -> None:
    refused(here("up", "--no-ui", **variables), text, "docs/configuration.md", secret=SECRET)
    assert not (tmp_path / "data").exists()


def test_a_nonsense_setting_stops_the_process_without_a_traceback(tmp_path: Path) -> None:
    costpulse = Costpulse(tmp_path / "data")
    refused(costpulse("sql", "select 1", COSTPULSE_CURRENCY="euro"), "COSTPULSE_CURRENCY")


def test_several_nonsense_settings_are_named_at_once(here: Run) -> None:
    result = here("migrate", COSTPULSE_CURRENCY="euro", COSTPULSE_APP_PORT="no")
    refused(result, "COSTPULSE_CURRENCY", "COSTPULSE_APP_PORT")


def test_without_a_source_the_two_ways_to_get_one_are_named(here: Run, tmp_path: Path) -> None:
    refused(here("up"), "No source is configured.", "COSTPULSE_DATABRICKS_HOST", "costpulse up --demo")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("option", "purpose"), [("--app-port", "the app"), ("--dagster-port", "Dagster")])
def test_a_taken_port_is_named_before_anything_starts(here: Run, tmp_path: Path, option: str, purpose: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(here("up", "--demo", option, str(port)), f"Port {port} for {purpose}", f"with {option}.")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("below", ["", "folder"])
@pytest.mark.parametrize(
    "command", [("up", "--demo", "--no-ui"), ("migrate",), ("sql", "select 1"), ("query", "today"), ("env",)]
)
def test_a_data_directory_that_cannot_be_one_is_named(
    here: Run, tmp_path: Path, command: tuple[str, ...], below: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    refused(here(*command, COSTPULSE_DATA_DIR=str(tmp_path / "file" / below)), str(tmp_path / "file"), "director")


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "--days", "3"),
        ("up", "--app-port", "0"),
        ("materialize", "--from", "yesterday"),
        ("query", "yesterday"),
        ("query", "top", "--limit", "0"),
        ("sql",),
        ("sql", "select 1", "--format", "xml"),
        ("sql", "select 1", "--timeout", "0"),
        ("nonsense",),
    ],
)
def test_a_usage_error_says_what_is_expected(here: Run, arguments: tuple[str, ...]) -> None:
    result = here(*arguments)
    assert result.returncode == 2
    assert "Usage: costpulse" in result.stderr
    assert "Error: " in result.stderr


def test_every_command_explains_itself_and_takes_a_data_directory(here: Run) -> None:
    context = click.Context(cli)
    assert set(cli.list_commands(context)) >= COMMANDS
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        for words in [(name, verb) for verb in command.commands] if isinstance(command, click.Group) else [(name,)]:
            result = here(*words, "--help")
            assert result.returncode == 0
            assert result.stdout.startswith(f"Usage: costpulse {' '.join(words)}")
            assert "--data-dir" in result.stdout
    assert all(isinstance(command, click.Command) and command.help for command in cli.commands.values())
