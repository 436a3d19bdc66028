"""sql/collect stays within the SQL that Databricks and the demo account answer alike."""

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from costpulse_assets.resources.sql_files import SQL_DIR
from tests.sql.portable_subset import allow_list, parts_of

COLLECT = sorted((SQL_DIR / "collect").glob("*.sql"))
each_statement = pytest.mark.parametrize("path", COLLECT, ids=lambda path: path.stem)


def tree_of(path: Path) -> exp.Expr:
    return sqlglot.parse_one(path.read_text(encoding="utf-8"), dialect="databricks")


def test_there_are_statements_to_look_at() -> None:
    assert {"cost_records", "control_totals", "list_prices", "workspaces"} <= {path.stem for path in COLLECT}


@each_statement
def test_a_collect_statement_uses_only_what_is_proven_equal_on_both_engines(path: Path) -> None:
    unproven = parts_of(path.read_text(encoding="utf-8")) - {entry.name for entry in allow_list()}
    assert not unproven, f"prove on Spark and DuckDB first, then add to portable_functions.txt: {sorted(unproven)}"


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("select lower(a) as a from t", "lower"),
        ("select cast(a as int) as a from t", "cast as int"),
        ("select a from t union all select a from t", "union"),
        ("select some_new_function(a) as a from t", "some_new_function"),
        ("select a / 2 as a from t", "div"),
        ("select current_date() as a", "currentdate"),
    ],
)
def test_anything_else_would_be_noticed(statement: str, part: str) -> None:
    assert part in parts_of(statement)
    assert part not in {entry.name for entry in allow_list()}


def test_the_allow_list_holds_nothing_twice_and_nothing_unused() -> None:
    names = [entry.name for entry in allow_list()]
    assert len(names) == len(set(names))
    used = set().union(*(parts_of(path.read_text(encoding="utf-8")) for path in COLLECT))
    assert set(names) <= used


def test_every_entry_that_can_be_an_expression_is_proven_by_one_that_contains_it() -> None:
    for entry in allow_list():
        if entry.proof is not None:
            assert entry.name in parts_of(f"select {entry.proof} as v from t as p"), entry


@pytest.mark.parametrize(
    "path",
    [path for path in COLLECT if "system.billing." in path.read_text(encoding="utf-8")],
    ids=lambda path: path.stem,
)
def test_a_statement_about_the_bill_never_makes_money(path: Path) -> None:
    """Quantity and rate travel apart, because Spark rounds a product of two DECIMAL(38,18) to six decimals."""
    arithmetic = tree_of(path).find_all(exp.Mul, exp.Div, exp.IntDiv, exp.Add, exp.Sub, exp.Mod, exp.Round)
    assert [node.sql() for node in arithmetic] == []


@each_statement
def test_a_collect_statement_takes_values_as_named_parameters_only(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"[{}%$?]", re.sub(r"--.*|'\{\}'", "", text)), "looks like a template"
    tree = tree_of(path)
    assert not list(tree.find_all(exp.Parameter))
    for placeholder in tree.find_all(exp.Placeholder):
        assert re.fullmatch(r"[a-z_]+", placeholder.name)
    for literal in tree.find_all(exp.Literal):
        assert not re.search(r"\d{4}-\d\d", literal.name), "dates are passed, not written"


@each_statement
def test_a_collect_statement_has_no_quote_or_backslash_in_a_literal(path: Path) -> None:
    """The engines agree on them, but sqlglot reads 'it''s' as its."""
    assert not re.search(r"[^\s(]''|\\", path.read_text(encoding="utf-8"))


@each_statement
def test_a_collect_statement_is_one_select_with_its_grain_said_first(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.match(r"-- one row per ", text) or re.match(r"-- one row if ", text)
    assert len(sqlglot.parse(text, dialect="databricks")) == 1
    assert isinstance(tree_of(path), exp.Select)


@each_statement
def test_a_collect_statement_names_its_columns(path: Path) -> None:
    outermost = tree_of(path)
    assert isinstance(outermost, exp.Select)
    assert not outermost.is_star
