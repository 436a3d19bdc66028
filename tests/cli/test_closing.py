"""`close`: what it prints, and what it refuses."""

import json
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.costs.statements import book_adjustments
from tests.cli.conftest import Run
from tests.cli.processes import refused
from tests.costs.books import Books
from tests.costs.conftest import APRIL, MARCH, books  # noqa: F401 - a fixture


@pytest.fixture
def close(here: Run, books: Books) -> Run:  # noqa: F811
    """Run `costpulse close` over books that are typed by hand."""
    return lambda *arguments: here("close", *arguments, COSTPULSE_DATABASE_URL=books.database.url)


def objects(text: str) -> list[dict[str, Any]]:
    found = json.loads(text, parse_float=Decimal)
    assert isinstance(found, list)
    return found


def test_closing_prints_what_every_team_owes_corrections_apart(books, close):  # noqa: F811
    books.put(MARCH, {1: "10"})
    assert close("2026-03", "--actor", "ada", "--note", "first").returncode == 0
    books.put(MARCH, {1: "12.5"})
    books.put(APRIL, {1: "1", None: "20.000000000000000001"}, rate="1")
    book_adjustments(books.database)
    result = close("2026-04", "--actor", "ada", "--format", "json")
    assert (result.returncode, result.stderr) == (0, "2026-04 is closed.\n")
    assert objects(result.stdout) == [
        {
            "team": "Unallocated",
            "cost_usd": Decimal("20.000000000000000001"),
            "corrections_usd": 0,
            "total_usd": Decimal("20.000000000000000001"),
        },
        {"team": "Data", "cost_usd": 1, "corrections_usd": Decimal("0.25"), "total_usd": Decimal("1.25")},
    ]
    with books.database.transaction() as connection:
        closings = connection.execute("select closed_by, note from costpulse.closed_periods order by id").fetchall()
    assert closings == [{"closed_by": "ada", "note": "first"}, {"closed_by": "ada", "note": None}]


def test_reopening_prints_the_present_costs_to_the_cent(books, close):  # noqa: F811
    books.put(MARCH, {1: "10"})
    assert close("2026-03").returncode == 0
    books.put(MARCH, {1: "12"})
    result = close("2026-03", "--reopen")
    assert (result.returncode, result.stderr) == (0, "2026-03 is open again.\n")
    assert [cell.strip() for cell in result.stdout.splitlines()[-1].split("│")] == ["Data", "1.20", "0.00", "1.20"]


def test_what_cannot_be_closed_or_reopened_is_refused(close):
    refused(
        close("2026-02"), "2026-02 cannot be closed: 28 days are missing", "costpulse materialize --from 2026-02-01"
    )
    refused(close("2026-03", "--reopen"), "2026-03 is not closed")
    assert close("2026-03").returncode == 0
    refused(close("2026-03"), "2026-03 was closed on", "--reopen")


@pytest.mark.parametrize("wrong", ["2026-13", "2026-03-01", "march", ""])
def test_a_month_is_written_as_year_and_month(here, wrong):
    result = here("close", wrong)
    assert result.returncode == 2
    assert "write it as 2026-10" in result.stderr
