"""The demo account that browser tests take copies of."""

import fcntl
from pathlib import Path

import pytest

from tests.alerts.servers import SlackServer
from tests.conftest import run_folder
from tests.e2e.account import make_demo_account


@pytest.fixture(scope="session")
def ready_account(request: pytest.FixtureRequest) -> Path:
    """The folder of a demo account that nobody uses, made once per run by the first worker that asks."""
    folder = run_folder(request.config) / "demo"
    done = folder / "is-whole"
    with (run_folder(request.config) / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir()
            with SlackServer() as slack:
                make_demo_account(folder, slack)
            done.touch()
    return folder
