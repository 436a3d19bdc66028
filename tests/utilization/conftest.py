"""The demo account's last months, collected and built once for all tests of this folder."""

from collections.abc import Iterator

import dagster as dg
import pytest

from costpulse_assets.allocation.demo_rules import give_demo_rules
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount
from tests.conftest import database as database_of_its_own
from tests.pipeline import Pipeline, pretend_today
from tests.utilization.demo import DAYS, END


@pytest.fixture(scope="package")
def demo_account() -> Iterator[DemoAccount]:
    """The source."""
    with DemoAccount(end_date=END, days=len(DAYS)) as account:
        yield account


@pytest.fixture(scope="package")
def demo(postgres_server: str, migrated_template: str, demo_account: DemoAccount) -> Iterator[Database]:
    """A database with every asset; tests read it only."""
    with (
        database_of_its_own(postgres_server, template=migrated_template) as url,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        database = Database(url)
        give_demo_rules(database, Identities(None))
        pipeline = Pipeline(database, demo_account, pretend_today(END, first_usage_date=DAYS[0]), instance)
        assert pipeline.run(DAYS[0], END).success
        yield database
