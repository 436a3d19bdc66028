"""The databases that tests of the evaluation share."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from costpulse_assets.resources.database import Database
from tests.alerts.planted import Planted, statements_of_tests
from tests.conftest import database


@pytest.fixture(scope="module")
def planted_database(
    postgres_server: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Planted]:
    """One database for the module; tests use `planted`, which empties it."""
    folder: Path = tmp_path_factory.mktemp("sql")
    with (
        database(postgres_server, template=migrated_template) as url,
        statements_of_tests(folder),
        psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection,
    ):
        yield Planted(Database(url), connection)


@pytest.fixture
def planted(planted_database: Planted) -> Planted:
    """Alerts, and what they shall find: none yet."""
    planted_database.clear()
    return planted_database
