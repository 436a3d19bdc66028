"""Budgets as people type them: everything wrong is said at once, and nobody overwrites what they did not see."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.allocation.budgets import (
    BadBudgets,
    BudgetChangedMeanwhile,
    BudgetDocument,
    StoredBudget,
    budget_faults,
    delete_budget,
    save_budget,
    stored_budgets,
)
from costpulse_assets.analysis.budgets import period_of, periods_of
from costpulse_assets.errors import BadInput, DatabaseRefused
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from tests.analysis.account import account, execute, filled, rows
from tests.conftest import database as another_database


@pytest.fixture(scope="module")
def known(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """A bill and teams, for tests that change nothing."""
    with another_database(postgres_server, template=migrated_template) as url:
        yield filled(url, account(first=date(2026, 6, 8)))


@pytest.fixture
def database(database_url: str) -> Database:
    return filled(database_url, account(first=date(2026, 6, 8)))


def budget(**fields: Any) -> BudgetDocument:
    return BudgetDocument.model_validate({"name": "Everything", "amount": "1000"} | fields)


def faults(database: Database, *documents: BudgetDocument) -> list[tuple[int, str, str]]:
    with database.transaction() as connection:
        return [(each.index, each.field, each.message) for each in budget_faults(documents, connection)]


def save(database: Database, document: BudgetDocument, actor: str = "nina", **edited: Any) -> StoredBudget:
    with database.transaction() as connection:
        return save_budget(connection, document, actor, **edited)


def stored(database: Database) -> dict[str, BudgetDocument]:
    with database.transaction() as connection:
        return {each.document.name: each.document for each in stored_budgets(connection)}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"scope_type": "team", "scope": "Etl"},
        {"scope_type": "team", "scope": "unallocated"},
        {"scope_type": "workspace", "scope": "200"},
        {"scope_type": "product", "scope": "MODEL_SERVING"},
        {"scope_type": "tag", "scope": "project=not=yet"},
        {"period": "quarter", "starts_on": "2026-02-01"},
        {"period": "custom", "starts_on": "2026-02-14", "ends_on": "2026-02-14"},
        {"amount": "0.01", "thresholds": [], "projected_threshold": None, "owner": " ", "recipients": ["a@x.example"]},
        {"thresholds": [1, "33.3", 100, 200, 300, 500]},
    ],
)
def test_what_makes_sense_is_stored_as_it_was_typed(database: Database, fields: dict[str, Any]) -> None:
    document = budget(**fields)
    saved = save(database, document)
    assert saved.document == document
    assert stored(database) == {"Everything": document}
    assert saved.version == 1


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"name": " "}, "name", "Name is missing."),
        ({"name": "x" * 81}, "name", "Name must have at most 80 characters."),
        ({"scope": "Etl"}, "scope", "Everything needs no scope: leave Etl out, or say what it is."),
        ({"scope_type": "team"}, "scope", "Name the team."),
        ({"scope_type": "team", "scope": "ETL"}, "scope", "There is no team ETL: write Etl if you mean that."),
        ({"scope_type": "team", "scope": "Zebra"}, "scope", "There is no team Zebra."),
        ({"scope_type": "workspace", "scope": "300"}, "scope", "There is no workspace 300 on the bill."),
        ({"scope_type": "workspace", "scope": "Dev"}, "scope", "There is no workspace Dev: write its id, 200."),
        ({"scope_type": "product", "scope": "SQL"}, "scope", "There is no product SQL on the bill."),
        ({"scope_type": "tag", "scope": "project"}, "scope", "Write the tag as key=value."),
        ({"scope_type": "tag", "scope": "=atlas"}, "scope", "Write the tag as key=value."),
        ({"period": "custom", "ends_on": "2026-01-31"}, "starts_on", "A custom period needs its first day."),
        ({"period": "custom", "starts_on": "2026-01-31"}, "ends_on", "A custom period needs its last day."),
        (
            {"starts_on": "2026-02-01", "ends_on": "2026-01-31"},
            "ends_on",
            "Ends on 2026-01-31, before it begins on 2026-02-01.",
        ),
        ({"starts_on": "2026-02-02"}, "starts_on", "A month begins on the first of a month, not on 2026-02-02."),
        (
            {"starts_on": "0026-02-01"},
            "starts_on",
            "0026-02-01 is out of range: days lie between 2000-01-01 and 2999-12-31.",
        ),
        ({"amount": "0"}, "amount", "Amount must be above 0."),
        ({"amount": "-5"}, "amount", "Amount must be above 0."),
        ({"amount": "1.001"}, "amount", "Amount must have at most two decimals."),
        ({"amount": "1e16"}, "amount", "Amount must have at most 16 digits before the point."),
        ({"thresholds": [50, 80, 80]}, "thresholds", "80 is listed twice."),
        ({"thresholds": [80, 50]}, "thresholds", "Thresholds must be in ascending order."),
        ({"thresholds": [0, 50]}, "thresholds", "Thresholds must lie between 1 and 500 percent."),
        ({"thresholds": [50, "500.1"]}, "thresholds", "Thresholds must lie between 1 and 500 percent."),
        ({"thresholds": range(1, 8)}, "thresholds", "There can be at most 6 thresholds, not 7."),
        (
            {"projected_threshold": 501},
            "projected_threshold",
            "The threshold of the projection must lie between 1 and 500 percent.",
        ),
        ({"owner": "x" * 201}, "owner", "Owner must have at most 200 characters."),
        ({"recipients": [""]}, "recipients", "A recipient must have 1 to 200 characters."),
        ({"recipients": ["a@x.example", "A@x.example"]}, "recipients", "a@x.example is listed twice."),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence_with_the_field(
    known: Database, fields: dict[str, Any], field: str, message: str
) -> None:
    assert faults(known, budget(**fields)) == [(0, field, message)]


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_stored(known: Database) -> None:
    with pytest.raises(BadBudgets) as refusal:
        save(known, budget(amount="0", thresholds=[80, 80], scope_type="team", scope="Zebra"))
    assert refusal.value.message.splitlines() == [
        "There is no team Zebra.",
        "Amount must be above 0.",
        "80 is listed twice.",
    ]
    assert [fault.field for fault in refusal.value.faults] == ["scope", "amount", "thresholds"]
    assert stored(known) == {}


def test_workspaces_and_products_are_not_asked_for_before_there_is_a_bill(database_url: str) -> None:
    early = [
        budget(name="W", scope_type="workspace", scope="1"),
        budget(name="P", scope_type="product", scope="JOBS"),
    ]
    assert faults(Database(database_url), *early) == []


CLASH = (1, "scope", "A budget for this scope and period exists: edit it.")


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ({}, {}, [CLASH]),
        ({}, {"period": "quarter"}, []),
        ({}, {"is_active": False}, []),
        ({}, {"scope_type": "team", "scope": "Etl"}, []),
        ({"ends_on": "2026-06-30"}, {"starts_on": "2026-07-01"}, []),
        ({"ends_on": "2026-07-31"}, {"starts_on": "2026-07-01"}, [CLASH]),
        (
            {"period": "custom", "starts_on": "2026-01-10", "ends_on": "2026-01-20"},
            {"period": "custom", "starts_on": "2026-01-20", "ends_on": "2026-01-30"},
            [CLASH],
        ),
        ({}, {"name": "FIRST", "period": "year"}, [(1, "name", "A budget named First exists already.")]),
    ],
)
def test_one_scope_has_one_budget_for_a_kind_of_period_on_a_day(
    known: Database, first: dict[str, Any], second: dict[str, Any], found: list[tuple[int, str, str]]
) -> None:
    assert faults(known, budget(**{"name": "First"} | first), budget(**{"name": "Second"} | second)) == found


def test_a_saved_budget_can_be_changed_renamed_and_deleted_and_the_audit_log_has_it_all(database: Database) -> None:
    created = save(database, budget(name="Etl", scope_type="team", scope="Etl"))
    other = save(database, budget())
    changed = save(
        database, created.document.model_copy(update={"name": "ETL", "amount": Decimal(5)}), "omar",
        budget_id=created.id, version=created.version,
    )  # fmt: skip
    assert (changed.id, changed.version, changed.scope_id) == (created.id, 2, "2")
    assert save(database, other.document, budget_id=other.id).version == 1, "what is the same is not written again"
    with database.transaction() as connection:
        delete_budget(connection, created.id, "nina", version=2)
    assert stored(database) == {"Everything": other.document}
    log = rows(
        database,
        "select action, actor, coalesce(after, before) ->> 'name' as name from costpulse.audit_log "
        "where table_name = 'budgets' order by id",
    )
    assert [tuple(row.values()) for row in log] == [
        ("insert", "nina", "Etl"),
        ("insert", "nina", "Everything"),
        ("update", "omar", "ETL"),
        ("delete", "nina", "ETL"),
    ]


def test_who_edits_an_old_version_is_told_who_changed_it_and_overwrites_nothing(database: Database) -> None:
    created = save(database, budget())
    save(database, budget(amount="2000"), "omar", budget_id=created.id, version=1)
    execute(database, "update costpulse.audit_log set changed_at = '2026-06-09 14:05+00' where actor = 'omar'")
    with pytest.raises(BudgetChangedMeanwhile) as refusal:
        save(database, budget(amount="3000"), budget_id=created.id, version=1)
    assert refusal.value.message == "Changed by omar at 09 Jun 2026, 14:05 UTC; reload to see it."
    with pytest.raises(BudgetChangedMeanwhile, match="Changed by omar"), database.transaction() as connection:
        delete_budget(connection, created.id, "nina", version=1)
    assert stored(database)["Everything"].amount == 2000
    with database.transaction() as connection:
        delete_budget(connection, created.id, "omar")
    with pytest.raises(BudgetChangedMeanwhile, match="Deleted by omar"):
        save(database, budget(amount="3000"), budget_id=created.id, version=2)


def test_nobody_changes_a_budget_without_a_name(database: Database) -> None:
    with pytest.raises(BadInput, match="Nobody is named"):
        save(database, budget(), " ")
    assert stored(database) == {}


def test_a_team_that_is_deleted_takes_its_budgets_along(database: Database) -> None:
    save(database, budget(name="Ml", scope_type="team", scope="Ml"))
    save(database, budget(name="Etl", scope_type="team", scope="Etl"))
    execute(database, "delete from costpulse.teams where name = 'Ml'")
    assert set(stored(database)) == {"Etl"}


def test_a_team_owner_sees_and_changes_the_budgets_of_the_own_team_only(database: Database) -> None:
    save(database, budget())
    mine = save(database, budget(name="Etl", scope_type="team", scope="Etl"))

    def as_owner(document: BudgetDocument, **edited: Any) -> set[str]:
        with database.transaction() as connection:
            connection.execute("set local role costpulse_app")
            connection.execute("select set_config('costpulse.scope', '2', true)")
            save_budget(connection, document, "etl owner", **edited)
            return {each.document.name for each in stored_budgets(connection)}

    assert as_owner(mine.document.model_copy(update={"amount": Decimal(7)}), budget_id=mine.id) == {"Etl"}
    with pytest.raises(DatabaseRefused, match="row-level security"):
        as_owner(budget(name="Ml", scope_type="team", scope="Ml"))
    assert {name: document.amount for name, document in stored(database).items()} == {"Everything": 1000, "Etl": 7}


# --- periods


def test_periods_are_those_of_the_calendar_or_counted_from_the_first_day() -> None:
    day = date(2026, 6, 10)
    year = Period(date(2026, 1, 1), date(2026, 12, 31))
    assert period_of(budget(), day) == Period(date(2026, 6, 1), date(2026, 6, 30))
    assert period_of(budget(period="quarter"), day) == Period(date(2026, 4, 1), date(2026, 6, 30))
    assert period_of(budget(period="year"), day) == year
    fiscal = budget(period="year", starts_on="2024-02-01")
    assert period_of(fiscal, day) == Period(date(2026, 2, 1), date(2027, 1, 31))
    assert period_of(fiscal, date(2024, 1, 31)) is None
    assert period_of(budget(ends_on="2026-05-31"), day) is None
    assert period_of(budget(ends_on="2026-06-01"), day) == Period(date(2026, 6, 1), date(2026, 6, 30))


def test_a_custom_period_is_there_once_and_a_later_budget_shows_its_first_period() -> None:
    window = Period(date(2026, 1, 1), date(2026, 6, 10))
    custom = budget(period="custom", starts_on="2026-05-20", ends_on="2026-07-03")
    assert list(periods_of(custom, window)) == [Period(date(2026, 5, 20), date(2026, 7, 3))]
    assert list(periods_of(budget(period="quarter", starts_on="2026-09-01"), window)) == [
        Period(date(2026, 9, 1), date(2026, 11, 30))
    ]
    gone = budget(period="custom", starts_on="2025-05-20", ends_on="2025-07-03")
    assert list(periods_of(gone, window)) == []


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["month", "quarter", "year"]),
    st.none() | st.dates(date(2019, 1, 1), date(2027, 12, 31)).map(lambda day: day.replace(day=1)),
    st.dates(date(2020, 1, 1), date(2026, 12, 31)),
    st.integers(0, 900),
)
def test_periods_follow_each_other_without_gap_and_hold_every_day_of_the_window(
    period: str, starts_on: date | None, first: date, days: int
) -> None:
    document = budget(period=period, starts_on=starts_on)
    window = Period(first, first + timedelta(days=days))
    found = list(periods_of(document, window))
    begins = max(first, starts_on or first)
    if begins > window.last:
        assert [each.first for each in found] == [starts_on]
        return
    assert begins in found[0]
    assert window.last in found[-1]
    for before, after in pairwise(found):
        assert after.first == before.last + timedelta(days=1)
    assert all(each.first.day == 1 for each in found)
