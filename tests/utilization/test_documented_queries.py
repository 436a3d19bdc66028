"""Each planted fact is read off the finished tables by the query that docs/demo-account.md gives for it."""

from decimal import Decimal

import pytest

from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account.planted import FACTS
from tests.utilization.demo import DocumentedQuery, ask, documented_queries

QUERIES = documented_queries()


#: Queries of the page about who pays, which is not planted but decided by rules.
WHO_PAYS = ("team", "rule that claims nothing", "shared cost")


def test_every_planted_fact_has_one_query() -> None:
    found = sorted((query.kind, name) for query in QUERIES for name in query.names if query.kind not in WHO_PAYS)
    assert found == sorted((fact.kind, fact.subject) for fact in FACTS)


def test_an_honest_part_of_the_cost_is_unallocated(demo: Database) -> None:
    (query,) = (query for query in QUERIES if query.kind == "team")
    shares = {row["team"]: row["share"] for row in ask(demo, query.statement)}
    assert sum(shares.values()) == pytest.approx(1)
    assert Decimal("0.15") < shares["Unallocated"] < Decimal("0.3")
    assert all(share > Decimal("0.03") for share in shares.values())


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.kind}-{QUERIES.index(query)}")
def test_a_query_of_the_page_returns_exactly_the_names_above_it(demo: Database, query: DocumentedQuery) -> None:
    found = {next(iter(row.values())) for row in ask(demo, query.statement)}
    assert found == set(query.names)
