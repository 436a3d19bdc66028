"""One demo account of eight days, made once by the command itself; every worker has a copy that stays as it is."""

import os
import pickle
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from costpulse_assets.cli import main
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.cli.processes import Costpulse
from tests.conftest import made_once
from tests.wire.conftest import certificate  # noqa: F401 - a fixture

Run = Callable[..., CompletedProcess[str]]

#: Quotes, a blank and a dollar sign: whatever prints this path must quote it.
HOSTILE_NAME = "it's $HOME"


@pytest.fixture(scope="session")
def first_start(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Costpulse, CompletedProcess[str]]:
    """The data directory after the first start, and how that went."""

    def make(folder: Path) -> None:
        costpulse = Costpulse(folder / HOSTILE_NAME)
        result = costpulse("up", "--demo", "--no-ui", "--days", "8")
        # Asked here: later the database runs for the tests.
        assert costpulse.processes() == {}
        (folder / "result").write_bytes(pickle.dumps(result))

    ready = made_once(request.config, "first-start", make)
    return _copied(ready, tmp_path_factory.mktemp("first")), pickle.loads((ready / "result").read_bytes())


@pytest.fixture(scope="session")
def spare(first_start: tuple[Costpulse, CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory) -> Costpulse:
    """A copy for tests that start and kill servers."""
    return _copied(first_start[0].home, tmp_path_factory.mktemp("spare"))


def _copied(home: Path, folder: Path) -> Costpulse:
    copy = Costpulse(folder / HOSTILE_NAME)
    shutil.copytree(home / HOSTILE_NAME, copy.data_dir, ignore=shutil.ignore_patterns("socket"))
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
