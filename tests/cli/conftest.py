"""One demo account of eight days, made once by the command itself, for all tests that leave it as it is."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from costpulse_assets.cli import main
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.cli.processes import Costpulse
from tests.wire.conftest import certificate  # noqa: F401 - a fixture

Run = Callable[..., CompletedProcess[str]]

#: Quotes, a blank and a dollar sign: whatever prints this path must quote it.
HOSTILE_NAME = "it's $HOME"


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Costpulse, CompletedProcess[str]]:
    """The data directory after the first start, and how that went."""
    costpulse = Costpulse(tmp_path_factory.mktemp("first") / HOSTILE_NAME)
    result = costpulse("up", "--demo", "--no-ui", "--days", "8")
    assert costpulse.processes() == {}  # asked here: later the database runs for the other tests
    return costpulse, result


@pytest.fixture(scope="session")
def spare(first_start: tuple[Costpulse, CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory) -> Costpulse:
    """A copy for tests that start and kill servers."""
    copy = Costpulse(tmp_path_factory.mktemp("spare") / HOSTILE_NAME)
    shutil.copytree(first_start[0].data_dir, copy.data_dir, ignore=shutil.ignore_patterns("socket"))
    return copy


@pytest.fixture(scope="session")
def demo(first_start: tuple[Costpulse, CompletedProcess[str]], spare: Costpulse) -> Iterator[Costpulse]:
    """The demo account with its database running; copied before that."""
    costpulse, result = first_start
    assert result.returncode == 0, result.stderr
    with EmbeddedPostgres(costpulse.data_dir):
        yield costpulse


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """Run the command in this process, which is faster; by default over a data directory that does not exist."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("COSTPULSE_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COSTPULSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    clean = dict(os.environ)

    def run(*arguments: str, **variables: str) -> CompletedProcess[str]:
        os.environ.update(variables)
        monkeypatch.setattr(sys, "argv", ["costpulse", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        # The command tells the processes it starts where things are.
        os.environ.clear()
        os.environ.update(clean)
        captured = capfd.readouterr()
        return CompletedProcess(arguments, int(stop.value.code or 0), captured.out, captured.err)

    yield run
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def on_demo(here: Run, demo: Costpulse) -> Run:
    """Run the command in this process over the demo account."""

    def run(*arguments: str, **variables: str) -> CompletedProcess[str]:
        return here(*arguments, **{"COSTPULSE_DATA_DIR": str(demo.data_dir), **variables})

    return run
