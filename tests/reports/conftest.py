"""Books that every test of reports has for itself: filled once for a run, then cloned."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.conftest import database, shared_database
from tests.reports.books import fill


@pytest.fixture(scope="session")
def report_books_template(postgres_server: str, migrated_template: str, request: pytest.FixtureRequest) -> str:
    """The name of the filled database, which nobody is connected to."""

    def fill_and_close(url: str) -> None:
        fill(url)
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            name = urlsplit(url).path.removeprefix("/")
            admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])

    url = shared_database(request.config, postgres_server, migrated_template, "report_books", fill_and_close)
    return urlsplit(url).path.removeprefix("/")


@pytest.fixture
def report_books(postgres_server: str, report_books_template: str) -> Iterator[str]:
    """The URL of a database of the test's own: three months of small cost, hostile names, teams, rules.

    May to 20 July 2026 (tests/reports/books.py): two months are closed, the newest days are not final.
    """
    with database(postgres_server, template=report_books_template) as url:
        yield url
