"""Regular expressions for cluster names: which are refused, for their text and by the database."""

from collections.abc import Iterator
from itertools import product

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.allocation import regular_expressions
from costpulse_assets.allocation.regular_expressions import LONGEST, beginning, refusal, refusals_by_database
from costpulse_assets.resources.database import Connection, Database


@pytest.fixture
def database(database_url: str) -> Database:
    database = Database(database_url)
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from) "
            "select '1', 'cluster', n::text, 'etl-' || n || repeat('x', 150), '2026-01-01' "
            "from generate_series(1, 20000) as n"
        )
    return database


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with Database(database_url).transaction() as connection:
        yield connection


@pytest.mark.parametrize(
    "expression",
    [
        "etl-.*",
        "etl-(prod|dev)-[0-9]+",
        r"etl-\d{1,3}\.\d{1,3}",
        "([0-9]{1,3}-){3}x",
        "(ab){2,}",
        "(ab{2})+",
        "(a+)?",
        "[(a+)+]*",
        r"\(a+\)+",
        "(a)+(b+)",
        "[]*)+(]+",
        "[[:alpha:]*]+",
        "(?:a|b)+c",
    ],
)
def test_an_ordinary_expression_is_accepted(expression):
    assert refusal(expression) is None


@pytest.mark.parametrize(
    "expression",
    [
        "(a+)+",
        "(a*)*",
        "(a|b+)*",
        "((a+)b)+",
        "(?:a{2,})+",
        "(a+){2}",
        "(.*a){20}",
        "(a{1,3})+",
        "x(y(z*)y)*",
        "(a+)+?",
        "([a-z]+)*",
    ],
)
def test_nested_quantifiers_are_refused_with_the_place(expression):
    reason = refusal(expression)
    assert reason is not None
    assert reason.startswith("repeats at character ")
    assert reason.endswith("leave one of the two out")


@pytest.mark.parametrize(
    ("expression", "plain"),
    [
        ("Etl-2_a b", "Etl-2_a b"),
        ("etl-(prod|dev)-[0-9]+", "etl-"),
        ("etl-[a|b]", "etl-"),
        (r"etl\|ml", "etl"),
        (r"etl\.x", "etl"),
        ("etl.*", "etl"),
        ("etl*", "et"),
        ("etl?x", "et"),
        ("etl{0,2}", "et"),
        ("etl+", "et"),
        ("e*?", ""),
        ("étl", ""),
        ("(etl)", ""),
        ("etl|ml", ""),
        ("(a)b|c(d)", ""),
        ("etl(a)|ml", ""),
        ("b[](]x|y[])]", ""),
        ("b[[:alpha:](]x|y[[:alpha:])]", ""),
        ("etl(?#(()|ml", ""),
        ("", ""),
    ],
)
def test_the_beginning_is_plain_text_that_no_match_can_do_without(expression, plain):
    assert beginning(expression) == plain


_PIECES = ["a", "b", "A", "a*", "b?", "a{0,1}", "[a|]", "\\|", "(a|b)", "(?:b|a)?", "(?#|)", "."]
_NAMES = ["".join(name) for length in (1, 2, 3) for name in product("ab|B", repeat=length)]


@given(st.lists(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=3).map("".join), min_size=1, max_size=2))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_that_the_database_matches_begins_so(connection, alternatives):
    expression = "|".join(alternatives)
    matched = connection.execute(
        "select n as name from unnest(%s::text[]) as n where costpulse.matches_regex(n, %s)", [_NAMES, expression]
    ).fetchall()
    assert all(row["name"].lower().startswith(beginning(expression).lower()) for row in matched)


def test_a_reference_back_to_a_group_is_refused():
    assert refusal(r"(a)\1") == "refers back to a group at character 4, which can take very long"


@pytest.mark.parametrize("expression", ["a)|(b", "a)(?:b", "a)"])
def test_an_expression_cannot_shake_off_its_anchors(expression):
    assert refusal(expression) == "closes at character 2 a group that was not opened"


def test_an_expression_that_is_too_long_is_refused():
    assert refusal("a" * LONGEST) is None
    assert refusal("a" * (LONGEST + 1)) == "is too long: 201 characters, at most 200 are accepted"


def test_the_database_refuses_what_does_not_compile(database):
    with database.transaction() as connection:
        wrong = {"etl-(", "[z-a]", "***:x", "(?<x>a)", "[a", "\\", "a{300}", "(x{255}){255}"}
        refused = refusals_by_database(connection, ["etl-.*", *wrong])
        assert set(refused) == wrong
        assert refused["etl-("] == "is no regular expression of PostgreSQL: parentheses () not balanced"
        # the caller's transaction is as it was
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}
        assert connection.execute("show statement_timeout").fetchone() == {"statement_timeout": "0"}


def test_what_does_not_compile_is_found_without_a_single_cluster(database_url):
    with Database(database_url).transaction() as connection:
        assert set(refusals_by_database(connection, ["etl-("])) == {"etl-("}


def test_an_expression_that_takes_too_long_on_the_present_names_is_refused(database, monkeypatch):
    monkeypatch.setattr(regular_expressions, "TIME_LIMIT_SECONDS", 0.001)
    with database.transaction() as connection:
        refused = refusals_by_database(connection, ["(etl|x).*[0-9].*y"])
        assert refused == {"(etl|x).*[0-9].*y": "takes longer than 0.001 seconds on the present cluster names"}
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("etl", "ETL", True),
        ("etl", "etl-1", False),
        ("a|b", "b", True),
        ("a|b", "ab", False),
        ("", "", False),
        ("", "etl", False),
        (".*", "", True),
    ],
)
def test_an_expression_is_for_the_whole_name_whatever_its_case(database_url, pattern, value, expected):
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select costpulse.matches_regex(%s, %s)", [value, pattern]).fetchone()
    assert row == (expected,)
