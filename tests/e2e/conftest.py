"""The demo account that browser tests take copies of."""

from pathlib import Path

import pytest

from tests.alerts.servers import SlackServer
from tests.conftest import made_once
from tests.e2e.account import make_demo_account


@pytest.fixture(scope="session")
def ready_account(request: pytest.FixtureRequest) -> Path:
    """The folder of a demo account that nobody uses."""

    def make(folder: Path) -> None:
        with SlackServer() as slack:
            make_demo_account(folder, slack)

    return made_once(request.config, "demo", make)
