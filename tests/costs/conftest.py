"""Three teams and the books of three months, closed by nobody yet."""

from datetime import date

import pytest

from costpulse_assets.resources.database import Database
from tests.costs.books import Books

MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)


@pytest.fixture
def books(database_url: str) -> Books:
    books = Books(Database(database_url))
    with books.database.transaction() as connection:
        connection.execute("insert into costpulse.teams (name) values ('Data'), ('Risk'), ('Web')")
    for month in (MARCH, APRIL, MAY):
        books.collect(month)
    return books
