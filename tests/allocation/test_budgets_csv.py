"""Budgets by CSV: refused with line, column, value and reason, and what is written reads back as the same."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costpulse_assets.allocation.budgets import (
    BudgetChangedMeanwhile,
    BudgetDocument,
    save_budget,
    stored_budgets,
)
from costpulse_assets.allocation.budgets_csv import (
    MOST_BUDGETS,
    budgets_text,
    import_budgets,
    planned_budgets,
    read_budgets,
)
from costpulse_assets.allocation.plan import Change
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Database
from tests.conftest import database as another_database

HEADING = "name,scope_type,scope,amount\n"
HOSTILE = '=HYPERLINK("http://x.example","open")'
BUDGETS: tuple[dict[str, Any], ...] = (
    {"name": "Account", "amount": "25000.50", "owner": "nina@x.example", "recipients": ["nina@x.example", HOSTILE]},
    {"name": "Finance", "scope_type": "team", "scope": "Finance", "amount": "100", "thresholds": [80, "99.5"]},
    {"name": HOSTILE, "scope_type": "tag", "scope": "project=-1", "amount": "7000", "projected_threshold": None},
    {
        "name": "Once",
        "period": "custom",
        "starts_on": "2026-06-02",
        "ends_on": "2026-06-20",
        "amount": "5",
        "thresholds": [],
        "is_active": False,
    },
)


@pytest.fixture(scope="module")
def shared(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """A database with two teams and the budgets, for tests that change nothing."""
    with another_database(postgres_server, template=migrated_template) as url:
        yield filled(url)


@pytest.fixture
def database(database_url: str) -> Database:
    return filled(database_url)


def filled(url: str) -> Database:
    database = Database(url)
    with database.transaction() as connection:
        connection.execute("select set_config('costpulse.actor', 'nina', true)")
        connection.execute("insert into costpulse.teams (name) values ('Finance'), ('Risk')")
        for document in BUDGETS:
            save_budget(connection, BudgetDocument.model_validate(document), "nina")
    return database


def stored(database: Database) -> list[BudgetDocument]:
    with database.transaction() as connection:
        return [each.document for each in stored_budgets(connection)]


def rows(database: Database, table: str = "budgets") -> list[Any]:
    with database.transaction() as connection:
        return connection.execute(f"select t::text from costpulse.{table} as t order by 1".encode()).fetchall()


def planned(database: Database, text: str, *, removes_others: bool = False) -> tuple[Change, ...]:
    with database.transaction() as connection:
        return planned_budgets(connection, read_budgets(text.encode(), "b.csv"), removes_others=removes_others).changes


def imported(database: Database, text: str, actor: str = "omar", *, removes_others: bool = False) -> tuple[Change, ...]:
    file = read_budgets(text.encode(), "b.csv")
    with database.transaction() as connection:
        plan = planned_budgets(connection, file, removes_others=removes_others)
        return import_budgets(connection, file, actor, removes_others=removes_others, based_on=plan.based_on)


def test_what_was_downloaded_changes_nothing(database: Database) -> None:
    before, audited = rows(database), rows(database, "audit_log")
    text = budgets_text(stored(database))
    for removes_others in (False, True):
        assert imported(database, text, removes_others=removes_others) == ()
    assert (rows(database), rows(database, "audit_log")) == (before, audited)
    assert budgets_text(stored(database)) == text


def test_no_cell_of_the_file_is_a_formula(shared: Database) -> None:
    text = budgets_text(stored(shared))
    assert f'"\'{HOSTILE.replace(chr(34), chr(34) * 2)}"' in text
    assert not [line for line in text.splitlines() if line[:1] in tuple("=+-@")]


_TEXT = st.text(st.sampled_from("=+-@'\" ,;\r\na1"), min_size=1, max_size=8).filter(str.strip)
_DOCUMENTS = st.builds(
    BudgetDocument,
    name=_TEXT,
    scope_type=st.sampled_from(["everything", "team", "tag"]),
    scope=st.just("") | _TEXT,
    period=st.sampled_from(["month", "custom"]),
    starts_on=st.none() | st.dates(date(2000, 1, 1)),
    ends_on=st.none() | st.dates(date(2000, 1, 1)),
    amount=st.decimals(0, 10**15, places=2),
    thresholds=st.lists(st.decimals(1, 500, places=3)).map(tuple),
    projected_threshold=st.none() | st.decimals(1, 500, places=1),
    owner=st.none() | _TEXT,
    recipients=st.lists(_TEXT).map(tuple),
    is_active=st.booleans(),
)


@given(st.lists(_DOCUMENTS))
def test_any_budget_reads_back_as_it_was_written(documents: list[BudgetDocument]) -> None:
    assert list(read_budgets(budgets_text(documents).encode(), "b.csv").documents) == documents


def test_what_is_left_out_has_its_default_and_what_is_empty_is_nothing() -> None:
    (short,) = read_budgets(b"name,amount\nA,1\n", "b.csv").documents
    assert short == BudgetDocument(name="A", amount=Decimal(1))
    text = (
        'name;amount;period;thresholds;projected_threshold;is_active;recipients\nA;1;;;;TRUE;\nB;1;;"50; 80";90;No;\n'
    )
    empty, given_ = read_budgets(text.encode(), "b.csv").documents
    assert empty == BudgetDocument(name="A", amount=Decimal(1), thresholds=(), projected_threshold=None)
    assert (given_.thresholds, given_.projected_threshold, given_.is_active) == ((50, 80), 90, False)


def test_budgets_are_changed_by_name_and_added_in_the_name_of_the_actor(database: Database) -> None:
    text = "name,scope_type,scope,amount,owner\naccount,,,26000,\nRisk,team,Risk,50.25,omar@x.example\n"
    changes = imported(database, text)
    assert [(each.action, each.name) for each in changes] == [("change", "account"), ("create", "Risk")]
    assert "amount: 25000.5 -> 26000" in changes[0].details
    found = {document.name: document for document in stored(database)}
    assert (found["account"].amount, found["account"].owner) == (26000, None)
    assert found["Risk"].scope == "Risk"
    assert len(found) == 5
    with database.transaction() as connection:
        audited = connection.execute(
            "select actor, action from costpulse.audit_log where table_name = 'budgets' and actor <> 'nina' "
            "order by action"
        ).fetchall()
    assert audited == [{"actor": "omar", "action": "insert"}, {"actor": "omar", "action": "update"}]


def test_budgets_that_are_not_in_the_file_stay_unless_they_shall_go(database: Database) -> None:
    text = budgets_text([document for document in stored(database) if document.name != "Finance"])
    assert planned(database, text) == ()
    assert imported(database, text, removes_others=True) == (Change("delete", "budget", "Finance"),)
    assert [document.name for document in stored(database)] == [HOSTILE, "Account", "Once"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADING + "A,team,Rsk,1\n", "b.csv, line 2, scope 'Rsk': There is no team Rsk: write Risk if you mean that."),
        (HEADING + "A,,,a lot\n", "b.csv, line 2: amount must be a valid decimal, not a lot."),
        (HEADING + "A,,,0.001\n", "b.csv, line 2, amount '0.001': Amount must have at most two decimals."),
        (HEADING + "A,,,\n,,,5\n", "b.csv, line 2: amount is missing.\nb.csv, line 3: name is missing."),
        (HEADING + "A,house,,1\n", "b.csv, line 2: scope_type must be 'everything', 'team'"),
        (
            HEADING + "A,team,Risk,1\na,team,Finance,1\n",
            "b.csv, line 3, name 'a': A budget named A exists already.",
        ),
        (
            HEADING + "A,team,Finance,1\n",
            "b.csv, line 2, scope 'Finance': A budget for this scope and period exists: edit it.",
        ),
        ("name,amount,starts_on\nA,1,20260101\n", "b.csv, line 2: starts_on must be a day such as 2026-01-31"),
        (
            "name,amount,starts_on\nA,1,2026-01-05\n",
            "b.csv, line 2, starts_on '2026-01-05': A month begins on the first",
        ),
        ("name,amount,thresholds\nA,1,80;80\n", "b.csv, line 2, thresholds '80;80': 80 is listed twice."),
        ("name,amount,thresholds\nA,1,most\n", "b.csv, line 2: thresholds.0 must be a valid decimal, not most."),
        ("name,amount,is_active\nA,1,maybe\n", "b.csv, line 2: is_active must be a valid boolean"),
        ("name,amount,limit\nA,1,2\n", "b.csv, line 1: column 'limit' is not known here"),
        ("name\nA\n", "b.csv, line 1: column 'amount' is missing"),
    ],
)
def test_what_is_wrong_is_said_with_line_column_value_and_reason(text: str, message: str, shared: Database) -> None:
    before = rows(shared)
    with pytest.raises(BadInput) as refused:
        imported(shared, text)
    assert message in refused.value.message
    assert rows(shared) == before


def test_who_saw_other_budgets_imports_nothing(database: Database) -> None:
    file = read_budgets(b"name,amount\nAccount,1\n", "b.csv")
    with database.transaction() as connection:
        plan = planned_budgets(connection, file, removes_others=False)
    imported(database, "name,amount\nAccount,2\n")
    with database.transaction() as connection, pytest.raises(BudgetChangedMeanwhile):
        import_budgets(connection, file, "omar", removes_others=False, based_on=plan.based_on)
    assert next(each.amount for each in stored(database) if each.name == "Account") == 2
    with pytest.raises(BadInput, match="Nobody is named"):
        imported(database, "name,amount\nAccount,3\n", actor=" ")


def test_more_budgets_than_can_be_compared_are_refused() -> None:
    lines = "".join(f"B{number},1\n" for number in range(MOST_BUDGETS + 1))
    with pytest.raises(BadInput, match="has 1,001 rows: at most 1,000 are accepted"):
        read_budgets(f"name,amount\n{lines}".encode(), "b.csv")
