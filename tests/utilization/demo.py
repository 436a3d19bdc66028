"""The demo account that the tests of this folder share, and the queries that docs/demo-account.md gives for it."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import planted

END = date(2026, 11, 24)
#: The moment the account is looked at.
NOW = datetime.combine(END, time(12), tzinfo=UTC)
#: Enough for the oldest planted fact.
DAYS = [END - timedelta(days=back) for back in reversed(range(125))]

_PAGE = Path(__file__).parents[2] / "docs" / "demo-account.md"
# A line with the kind of fact and the names, then the query.
_QUERY = re.compile(r"^(?P<kind>[\w -]+): (?P<names>`[^\n]+`)\n\n```sql\n(?P<statement>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class DocumentedQuery:
    """A query of the page; its first column holds these names and no others."""

    kind: str
    names: tuple[str, ...]
    statement: str


def documented_queries() -> list[DocumentedQuery]:
    """All of them, in the order of the page."""
    page = _PAGE.read_text()
    queries = [
        DocumentedQuery(
            found["kind"],
            tuple(name.replace("\\n", "\n") for name in re.findall(r"`([^`]+)`", found["names"])),
            found["statement"],
        )
        for found in _QUERY.finditer(page)
    ]
    assert len(queries) == page.count("```sql"), "a query of docs/demo-account.md has no line with kind and names"
    return queries


def ask(database: Database, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    """Rows of one statement, as the auditor reads them: what `costpulse sql` does."""
    with database.transaction() as connection:
        connection.execute("set local role costpulse_auditor")
        connection.execute("set local search_path = costpulse")
        return connection.execute(statement.encode(), parameters or None).fetchall()


def read_off(database: Database, kind: planted.Kind) -> dict[str, Any]:
    """The one row of the one query that the page gives for a kind of fact."""
    (query,) = (query for query in documented_queries() if query.kind == kind)
    (row,) = ask(database, query.statement)
    return row


def fact(kind: planted.Kind) -> planted.Fact:
    """The one planted fact of a kind."""
    (found,) = planted.facts(kind)
    return found
