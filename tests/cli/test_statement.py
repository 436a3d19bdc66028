"""`statement`: what it prints of a month, now and as it was known."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.costs.known_costs import keep_known
from tests.cli.conftest import Run
from tests.costs.books import Books
from tests.costs.conftest import MARCH, books  # noqa: F401 - a fixture


@pytest.fixture
def told(here: Run, books: Books) -> Any:  # noqa: F811
    """Teams and what they owe as `costpulse statement` prints them, and what it says beside."""

    def ask(*arguments: str) -> tuple[dict[str, Decimal], str]:
        result = here("statement", *arguments, "--format", "json", COSTPULSE_DATABASE_URL=books.database.url)
        assert result.returncode == 0, result.stderr
        found = json.loads(result.stdout, parse_float=Decimal)
        return {row["team"]: row["total_usd"] for row in found}, result.stderr

    return ask


def test_a_statement_is_printed_as_it_is_and_as_it_was_known(books, told):  # noqa: F811
    books.put(MARCH, {1: "10", None: "1"})
    keep_known(books.database, date(2026, 4, 2))
    books.put(MARCH, {2: "12.000000000000000001"}, rate="1")
    keep_known(books.database, date(2026, 4, 5))
    now = {"Risk": Decimal("12.000000000000000001")}
    assert told("2026-03") == (now, "")
    assert told("2026-03", "--known-on", "2026-04-05") == (now, "")
    assert told("2026-03", "--known-on", "2026-04-04") == ({"Data": 1, "Unallocated": Decimal("0.1")}, "")
    _, said = told("2026-03", "--known-on", "2026-03-20")
    assert said.startswith("Not kept, and reconstructed: 2026-03-01 to 2026-03-20. ")
