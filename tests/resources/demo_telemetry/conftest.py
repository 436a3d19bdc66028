"""The demo account that the tests of its telemetry read."""

import pytest

from costpulse_assets.resources.demo_account import DemoAccount
from tests.resources.demo_telemetry.statements import DAYS
from tests.resources.test_demo_account import END


@pytest.fixture(scope="session")
def account():
    with DemoAccount(end_date=END, days=DAYS) as made:
        yield made


@pytest.fixture
def ask(account):
    """The rows of a statement, as dicts."""
    return lambda statement, **parameters: account.fetch(statement, parameters).read_all().to_pylist()


@pytest.fixture
def one(ask):
    """The only row of a statement."""

    def only(statement, **parameters):
        rows = ask(statement, **parameters)
        assert len(rows) == 1, rows
        return rows[0]

    return only
