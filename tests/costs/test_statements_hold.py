"""Random restatements, prices, rules, closings, reopenings: closed is frozen, and with its adjustments it is true."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.costs.statements import (
    StatementRow,
    bill_as_of,
    book_adjustments,
    close_month,
    reopen_month,
    statement,
)
from costpulse_assets.errors import BadInput
from tests.costs.books import JOBS, SQL, Block, Books, noon
from tests.costs.conftest import APRIL, MARCH, MAY

FIRST_DAY = date(2026, 6, 1)
MONTHS = (MARCH, APRIL, MAY)

amounts = st.decimals(min_value=-3, max_value=40, places=18)
#: Several teams: with two or more, what moves between them can be told from what is restated.
shared = st.fixed_dictionaries({1: amounts, 2: amounts}, optional={3: amounts, None: amounts})
quantities = shared | st.dictionaries(st.sampled_from([1, 2, 3, None]), amounts, max_size=1)
rates = st.decimals(min_value=0, max_value=2, places=18)


@dataclass(frozen=True)
class Change:
    month: date
    day: int
    sku: str
    quantities: Mapping[int | None, Decimal]
    rate: Decimal | None
    by_rule: bool


changes = st.builds(
    Change,
    month=st.sampled_from([MARCH, *MONTHS]),
    day=st.integers(0, 1),
    sku=st.sampled_from([JOBS, SQL]),
    quantities=quantities,
    rate=st.none() | rates,
    by_rule=st.booleans(),
)
steps = st.lists(
    st.one_of(
        changes,
        changes,
        st.tuples(st.just("close"), st.sampled_from(MONTHS)),
        st.tuples(st.just("close"), st.sampled_from(MONTHS)),
        st.tuples(st.just("reopen"), st.sampled_from(MONTHS)),
    ),
    min_size=3,
    max_size=14,
)
a_few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def forget(books: Books) -> None:
    """All costs, closings and rules of the example before; what must never be truncated is, without its triggers."""
    with books.database.transaction() as connection:
        connection.execute("set local session_replication_role = replica")
        connection.execute(
            "truncate costpulse.statement_lines, costpulse.closed_periods, costpulse.daily_costs, "
            "costpulse.rule_versions"
        )
    books.blocks.clear()
    books.build(books.days)


def closed(books: Books) -> dict[date, int]:
    with books.database.transaction() as connection:
        rows = connection.execute("select month, id from costpulse.closed_periods where reopened_at is null")
        return {row["month"]: row["id"] for row in rows}


def told(books: Books, month: date) -> list[StatementRow]:
    with books.database.transaction() as connection:
        return statement(connection, month)


def known(books: Books, month: date, day: date) -> list[StatementRow]:
    with books.database.transaction() as connection:
        return bill_as_of(connection, month, day).lines


@given(steps=steps)
@a_few
def test_closed_is_frozen_and_statement_and_adjustments_are_the_truth(books: Books, steps: list[Any]) -> None:
    forget(books)
    frozen: dict[int, list[StatementRow]] = {}
    history: dict[tuple[date, date], list[StatementRow]] = {}
    for number, step in enumerate(steps):
        day = FIRST_DAY + timedelta(days=number)
        if isinstance(step, Change):
            books.blocks[step.month + timedelta(days=step.day), step.sku] = Block(step.quantities, step.rate)
            if step.by_rule:
                books.change_rules()
            books.build([step.month + timedelta(days=step.day)])
            book_adjustments(books.database, only_changed=bool(number % 2), at=noon(day))
        else:
            what, month = step
            try:
                if what == "close":
                    close_month(books.database, month, "ada", at=noon(day))
                else:
                    reopen_month(books.database, month, "ada", is_admin=True, at=noon(day))
            except BadInput:
                pass  # closed already, or not at all, or held by a later statement: everything is as it was
        for month, closing in closed(books).items():
            assert books.booked(month) == books.truth(month)
            assert told(books, month) == frozen.setdefault(closing, told(books, month))
            history[month, day] = known(books, month, day)
    for (month, day), rows in history.items():
        assert known(books, month, day) == rows
    assert books.database.rows("checks/statements_add_up", {"days": None}) == []
    expect_causes_to_mean_what_they_say(books)


def expect_causes_to_mean_what_they_say(books: Books) -> None:
    """A rule only moves; a price has no quantity; nothing is booked that is nothing."""
    with books.database.transaction() as connection:
        assert (
            connection.execute(
                "select 1 from costpulse.statement_lines where cause = 'rule' "
                "group by closing_id, usage_date, sku_name, created_at having sum(usage_quantity) <> 0 or "
                "sum(unpriced_quantity) <> 0 or sum(list_cost_usd) <> 0 or sum(cost_usd) <> 0"
            ).fetchall()
            == []
        )
        assert (
            connection.execute(
                "select 1 from costpulse.statement_lines where cause = 'price' and usage_quantity <> 0 or "
                "kind = 'adjustment' and usage_quantity = 0 and unpriced_quantity = 0 and "
                "coalesce(list_cost_usd, 0) = 0 and coalesce(cost_usd, 0) = 0"
            ).fetchall()
            == []
        )


@given(before=shared, after=shared, rates=st.tuples(rates, rates))
@a_few
def test_whatever_changes_at_once_its_causes_add_up(books, before, after, rates):
    forget(books)
    causes(books, Block(before, rates[0]), Block(after, rates[1]), by_rule=True)
    expect_causes_to_mean_what_they_say(books)


@given(before=quantities, after=quantities, rate=st.none() | rates)
@a_few
def test_changed_usage_alone_is_a_restatement(books, before, after, rate):
    forget(books)
    assert causes(books, Block(before, rate), Block(after, rate)) <= {"restatement"}


@given(usage=quantities, rate=rates, other=st.decimals(min_value=3, max_value=4, places=6))
@a_few
def test_a_changed_rate_alone_is_a_price(books, usage, rate, other):
    usage = {team: abs(quantity) + 1 for team, quantity in usage.items()}
    forget(books)
    assert causes(books, Block(usage, rate), Block(usage, other)) == ({"price"} if usage else set())


@given(usage=quantities, order=st.permutations([1, 2, 3, None]), rate=st.none() | rates)
@a_few
def test_changed_owners_alone_are_a_rule(books, usage, order, rate):
    owners = dict(zip([1, 2, 3, None], order, strict=True))
    forget(books)
    moved = {owners[team]: quantity for team, quantity in usage.items()}
    assert causes(books, Block(usage, rate), Block(moved, rate), by_rule=True) <= {"rule"}


def causes(books: Books, before: Block, after: Block, *, by_rule: bool = False) -> set[str]:
    """What a change of one block of a closed month is said to come from."""
    books.blocks[MARCH, JOBS] = before
    books.build([MARCH])
    close_month(books.database, MARCH, "ada", at=noon(FIRST_DAY))
    books.blocks[MARCH, JOBS] = after
    books.build([MARCH])
    if by_rule:
        books.change_rules()
    book_adjustments(books.database, at=noon(FIRST_DAY))
    assert books.booked(MARCH) == books.truth(MARCH)
    with books.database.transaction() as connection:
        rows = connection.execute("select cause from costpulse.statement_lines where kind = 'adjustment'")
        return {row["cause"] for row in rows}
