"""Each planted fact is read off the finished tables by the query that docs/demo-account.md gives for it."""

import pytest

from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account.planted import FACTS
from tests.utilization.demo import DocumentedQuery, ask, documented_queries

QUERIES = documented_queries()


def test_every_planted_fact_has_one_query() -> None:
    found = sorted((query.kind, name) for query in QUERIES for name in query.names)
    assert found == sorted((fact.kind, fact.subject) for fact in FACTS)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.kind}-{QUERIES.index(query)}")
def test_a_query_of_the_page_returns_exactly_the_names_above_it(demo: Database, query: DocumentedQuery) -> None:
    found = {next(iter(row.values())) for row in ask(demo, query.statement)}
    assert found == set(query.names)
