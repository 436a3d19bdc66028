"""The demo account's last months, collected and built once for all tests of this folder, whichever worker has them."""

from collections.abc import Iterator

import pytest

from costpulse_assets.allocation.demo_rules import give_demo_rules
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount
from tests.conftest import shared_database
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.utilization.demo import DAYS, END


@pytest.fixture(scope="package")
def demo_account() -> Iterator[DemoAccount]:
    """The source."""
    with DemoAccount(end_date=END, days=len(DAYS)) as account:
        yield account


@pytest.fixture(scope="package")
def demo(postgres_server: str, migrated_template: str, request: pytest.FixtureRequest) -> Database:
    """A database with every asset but the analysis; tests read it only."""

    def fill(url: str) -> None:
        database = Database(url)
        give_demo_rules(database, Identities(None))
        # only the worker that fills it needs the source for this
        account = request.getfixturevalue("demo_account")
        with ephemeral_instance() as instance:
            pipeline = Pipeline(database, account, pretend_today(END, first_usage_date=DAYS[0]), instance)
            assert pipeline.run(DAYS[0], END).success

    return Database(shared_database(request.config, postgres_server, migrated_template, "demo", fill))
