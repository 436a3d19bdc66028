"""Closed months: what was told stays told, and with its adjustments it is what is true."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any

import psycopg
import pytest

from costpulse_assets.costs.statements import (
    MonthNotFinal,
    StatementRow,
    bill_as_of,
    book_adjustments,
    close_due_months,
    close_month,
    reopen_month,
    statement,
)
from costpulse_assets.errors import BadInput, DatabaseRefused, InvariantBroken
from costpulse_assets.resources.database import Connection, Database
from tests.costs.books import EXACT, JOBS, SQL, Books, noon, totals
from tests.costs.conftest import APRIL, MARCH, MAY

DATA, RISK, WEB = 1, 2, 3
FIFTH, SIXTH = date(2026, 3, 5), date(2026, 3, 6)
CLOSING_DAY = date(2026, 6, 1)


def close(books: Books, month: date, day: date = CLOSING_DAY) -> None:
    close_month(books.database, month, "ada", at=noon(day))


def book(books: Books, day: date = CLOSING_DAY) -> int:
    return book_adjustments(books.database, only_changed=True, at=noon(day))


def reopen(books: Books, month: date, day: date = CLOSING_DAY) -> None:
    reopen_month(books.database, month, "ada", is_admin=True, at=noon(day))


def rows(books: Books, month: date, as_of: date | None = None) -> list[StatementRow]:
    with books.database.transaction() as connection:
        return statement(connection, month, as_of)


def lines(books: Books, month: date = MARCH) -> list[tuple[Any, ...]]:
    """Adjustments of a month that count: (cause, team, quantity, cost) in the order they were booked."""
    with books.database.transaction() as connection:
        found = connection.execute(
            "select cause, team_id, usage_quantity, cost_usd from costpulse.statement_lines "
            "where month = %s and kind = 'adjustment' and voided_at is null order by created_at, id",
            [month],
        )
        return [(row["cause"], row["team_id"], row["usage_quantity"], row["cost_usd"]) for row in found]


def change(books: Books, statement: str, *parameters: Any) -> None:
    with books.database.transaction() as connection:
        connection.execute(statement.encode(), parameters)


class AsTheApp(Database):
    """The same database with the rights of the app, which says who acts and which teams it may show."""

    def __init__(self, url: str, scope: str | None = "all") -> None:
        super().__init__(url)
        self.scope = scope

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            connection.execute("set local role costpulse_app")
            if self.scope is not None:
                connection.execute("select set_config('costpulse.scope', %s, true)", [self.scope])
            yield connection


def test_closing_freezes_what_every_team_cost_to_the_last_digit(books):
    books.put(FIFTH, {DATA: "1.000000000000000001", None: "4"}, rate="0.123456789012345678")
    books.put(SIXTH, {DATA: "2"}, rate="0.123456789012345678")
    books.put(SIXTH, {RISK: "3"}, sku=SQL, rate=None)
    before = rows(books, MARCH)
    assert {row.kind for row in before} == {"open"}
    close(books, MARCH)
    frozen = rows(books, MARCH)
    assert totals(frozen) == totals(before) == books.truth(MARCH) == books.booked(MARCH)
    assert {(row.kind, row.booked_month, row.booked_on) for row in frozen} == {("statement", MARCH, CLOSING_DAY)}
    assert {row.team_id: row.team_name for row in frozen} == {DATA: "Data", RISK: "Risk", None: None}
    # One line per month: the days are added up. Without a price there is no cost, not a cost of zero.
    assert [(row.usage_quantity, row.cost_usd) for row in frozen if row.team_id in (DATA, RISK)] == [
        (Decimal("3.000000000000000001"), Decimal("0.370370367037037034")),
        (Decimal(3), None),
    ]


def test_a_restatement_becomes_a_dated_line_on_the_next_month_and_the_statement_stays(books):
    books.put(FIFTH, {DATA: "10", RISK: "7"})
    close(books, MARCH)
    told = rows(books, MARCH)
    books.put(FIFTH, {DATA: "6", RISK: "7"})
    assert book(books, date(2026, 6, 9)) == 1
    assert rows(books, MARCH) == told
    (line,) = rows(books, APRIL)
    assert (line.kind, line.cause, line.month, line.booked_month) == ("adjustment", "restatement", MARCH, APRIL)
    assert (line.booked_on, line.team_name, line.sku_name) == (date(2026, 6, 9), "Data", JOBS)
    assert (line.usage_quantity, line.list_cost_usd, line.cost_usd) == (-4, Decimal("-0.6"), Decimal("-0.4"))
    assert books.booked(MARCH) == books.truth(MARCH)


def test_a_changed_price_is_a_line_of_every_team_without_quantity(books):
    books.put(FIFTH, {DATA: "10", None: "5"})
    close(books, MARCH)
    books.put(FIFTH, {DATA: "10", None: "5"}, rate="0.08")
    book(books)
    assert lines(books) == [("price", DATA, 0, Decimal("-0.2")), ("price", None, 0, Decimal("-0.1"))]
    assert {row.list_cost_usd for row in rows(books, APRIL)} == {0}


def test_a_price_that_comes_late_turns_unpriced_quantity_into_cost(books):
    books.put(FIFTH, {DATA: "10"}, rate=None)
    close(books, MARCH)
    books.put(FIFTH, {DATA: "10"}, rate="0.2")
    book(books)
    (line,) = rows(books, APRIL)
    assert (line.cause, line.usage_quantity, line.unpriced_quantity, line.cost_usd) == ("price", 0, -10, 2)


def test_more_usage_without_a_price_has_no_cost_in_its_line(books):
    books.put(FIFTH, {DATA: "10"}, rate=None)
    close(books, MARCH)
    books.put(FIFTH, {DATA: "12"}, rate=None)
    book(books)
    (line,) = rows(books, APRIL)
    assert (line.cause, line.usage_quantity, line.unpriced_quantity, line.cost_usd) == ("restatement", 2, 2, None)


def test_what_a_new_rule_moves_adds_up_to_zero_over_the_teams(books):
    books.put(FIFTH, {DATA: "10", None: "5"})
    close(books, MARCH)
    books.put(FIFTH, {DATA: "2", RISK: "13"})
    books.change_rules()
    book(books)
    assert lines(books) == [
        ("rule", DATA, -8, Decimal("-0.8")),
        ("rule", RISK, 13, Decimal("1.3")),
        ("rule", None, -5, Decimal("-0.5")),
    ]
    assert books.booked(MARCH) == books.truth(MARCH)


@pytest.mark.parametrize("concerns", [None, SIXTH])
def test_usage_that_comes_back_with_another_owner_is_a_restatement_where_no_rule_has_changed(books, concerns):
    books.put(FIFTH, {DATA: "10"})
    books.change_rules()  # before the closing
    close(books, MARCH)
    books.put(FIFTH, {RISK: "6"})
    if concerns:
        books.change_rules(concerns)  # for later days alone
    book(books)
    assert lines(books) == [("restatement", DATA, -10, Decimal(-1)), ("restatement", RISK, 6, Decimal("0.6"))]


def test_restatement_price_and_rule_at_once_are_told_apart(books):
    books.put(FIFTH, {DATA: "10", RISK: "10", WEB: "10"}, rate="0.1")
    close(books, MARCH)
    # 3 of Data's are taken back, 5 more of them go to Risk, and all of it costs half as much again.
    books.put(FIFTH, {DATA: "2", RISK: "15", WEB: "10"}, rate="0.15")
    books.change_rules()
    book(books)
    assert sorted(lines(books)) == [
        ("price", DATA, 0, Decimal("0.35")),
        ("price", RISK, 0, Decimal("0.5")),
        ("price", WEB, 0, Decimal("0.5")),
        ("restatement", DATA, -3, Decimal("-0.3")),
        ("rule", DATA, -5, Decimal("-0.75")),
        ("rule", RISK, 5, Decimal("0.75")),
    ]
    assert books.booked(MARCH) == books.truth(MARCH)


def test_a_restatement_counts_at_the_rate_of_its_day(books):
    books.put(FIFTH, {DATA: "10"}, rate="0.1")
    books.put(SIXTH, {DATA: "10"}, rate="0.2")
    close(books, MARCH)
    books.put(SIXTH, {DATA: "5"}, rate="0.2")
    book(books)
    assert lines(books) == [("restatement", DATA, -5, Decimal(-1))]


def test_usage_never_seen_before_is_a_restatement_and_so_is_usage_that_vanished(books):
    books.put(FIFTH, {DATA: "10"})
    books.put(FIFTH, {DATA: "4"}, sku=SQL)
    close(books, MARCH)
    books.put(FIFTH, {})
    books.put(FIFTH, {}, sku=SQL)
    books.put(SIXTH, {RISK: "3"}, sku=SQL)
    books.change_rules()
    book(books)
    assert lines(books) == [
        ("restatement", DATA, -10, Decimal(-1)),
        ("restatement", DATA, -4, Decimal("-0.4")),
        ("restatement", RISK, 3, Decimal("0.3")),
    ]
    assert books.booked(MARCH) == books.truth(MARCH) != {}


def test_a_last_digit_of_rounding_is_booked_but_is_no_price(books):
    books.put(FIFTH, {DATA: "10", RISK: "1"})
    close(books, MARCH)
    # The same usage in other records: each is rounded once.
    change(books, "update costpulse.daily_costs set cost_usd = cost_usd + 1e-18 where team_id = 1")
    assert book_adjustments(books.database) == 1
    assert lines(books) == [("restatement", DATA, 0, Decimal("1e-18"))]


def test_adjustments_of_one_line_follow_one_another_and_count_from_the_last(books):
    books.put(FIFTH, {DATA: "10"})
    close(books, MARCH)
    for day, quantity in enumerate(("12", "9", "9", "10"), start=1):
        books.put(FIFTH, {DATA: quantity})
        book(books, date(2026, 7, day))
    assert [(cause, quantity) for cause, _, quantity, _ in lines(books)] == [
        ("restatement", 2),
        ("restatement", -3),
        ("restatement", 1),
    ]
    assert [row.booked_on for row in rows(books, APRIL)] == [date(2026, 7, day) for day in (1, 2, 4)]
    assert books.booked(MARCH) == books.truth(MARCH)


def test_a_price_adjusted_twice_is_known_at_its_last_rate(books):
    books.put(FIFTH, {DATA: "10"}, rate="0.1")
    close(books, MARCH)
    books.put(FIFTH, {DATA: "10"}, rate="0.2")
    book(books)
    books.put(FIFTH, {DATA: "11"}, rate="0.2")
    book(books)
    assert lines(books) == [("price", DATA, 0, Decimal(1)), ("restatement", DATA, 1, Decimal("0.2"))]


def test_only_days_that_were_rebuilt_are_compared_unless_all_are_asked_for(books):
    books.put(FIFTH, {DATA: "10"})
    close(books, MARCH)
    book(books)
    change(books, "update costpulse.daily_costs set cost_usd = 7")
    assert book_adjustments(books.database, only_changed=True) == 0
    assert book_adjustments(books.database) == 1
    assert book_adjustments(books.database) == 0
    assert books.booked(MARCH) == books.truth(MARCH)


def test_while_nothing_is_closed_nothing_is_booked(books):
    books.put(FIFTH, {DATA: "10"})
    assert book_adjustments(books.database) == 0


def test_an_adjustment_skips_months_that_are_closed_too(books):
    books.put(FIFTH, {DATA: "10"})
    books.put(APRIL, {DATA: "1"})
    for month in (MARCH, APRIL):
        close(books, month)
    told = rows(books, APRIL)
    books.put(FIFTH, {DATA: "11"})
    books.put(APRIL, {DATA: "3"})
    book(books)
    assert rows(books, APRIL) == told
    assert [(row.month, row.usage_quantity) for row in rows(books, MAY)] == [(MARCH, 1), (APRIL, 2)]
    close(books, MAY)
    books.put(FIFTH, {DATA: "12"})
    book(books)
    assert [(row.month, row.usage_quantity) for row in rows(books, date(2026, 6, 1))] == [(MARCH, 1)]
    # The next open one is the first after its own, wherever it is.
    reopen(books, MAY)
    reopen(books, APRIL)
    books.put(FIFTH, {DATA: "13"})
    book(books)
    assert [(row.month, row.kind) for row in rows(books, APRIL)] == [(APRIL, "open"), (MARCH, "adjustment")]


def test_a_closed_statement_keeps_the_adjustments_that_were_booked_on_it(books):
    books.put(FIFTH, {DATA: "10"})
    books.put(APRIL, {DATA: "1"})
    close(books, MARCH)
    books.put(FIFTH, {DATA: "11"})
    book(books)
    close(books, APRIL)
    told = rows(books, APRIL)
    assert [(row.kind, row.month) for row in told] == [("statement", APRIL), ("adjustment", MARCH)]
    books.put(FIFTH, {DATA: "15"})
    book(books)
    assert rows(books, APRIL) == told
    assert [(row.kind, row.usage_quantity) for row in rows(books, MAY)] == [("adjustment", 4)]


def test_a_month_closed_again_after_reopening_has_a_new_statement_and_adjustments_count_from_it(books):
    books.put(FIFTH, {DATA: "10"})
    close(books, MARCH)
    books.put(FIFTH, {DATA: "12"})
    book(books)
    reopen(books, MARCH)
    assert [(row.kind, row.usage_quantity) for row in rows(books, MARCH)] == [("open", 12)]
    assert rows(books, APRIL) == []
    books.put(FIFTH, {DATA: "20"})
    book(books)  # an open month needs none
    close(books, MARCH)
    assert [(row.kind, row.usage_quantity) for row in rows(books, MARCH)] == [("statement", 20)]
    books.put(FIFTH, {DATA: "21"})
    book(books)
    assert lines(books) == [("restatement", DATA, 1, Decimal("0.1"))]
    assert books.booked(MARCH) == books.truth(MARCH)


def test_reopening_is_for_admins_and_for_months_that_are_closed(books):
    with pytest.raises(BadInput, match=r"2026-03 is not closed"):
        reopen(books, MARCH)
    close(books, MARCH)
    with pytest.raises(BadInput, match=r"bob may not reopen 2026-03: that takes the admin role"):
        reopen_month(books.database, MARCH, "bob", is_admin=False)
    with pytest.raises(BadInput, match=r"2026-03 was closed on 2026-06-01 by ada.*--reopen"):
        close(books, date(2026, 3, 17))
    assert [row.kind for row in rows(books, MARCH)] == []


def test_a_month_whose_adjustments_are_on_a_closed_statement_stays_closed(books):
    books.put(FIFTH, {DATA: "10"})
    close(books, MARCH)
    books.put(FIFTH, {DATA: "11"})
    book(books)
    close(books, APRIL)
    with pytest.raises(BadInput, match=r"adjustments of it are on the closed statement of 2026-04\..*Reopen 2026-04"):
        reopen(books, MARCH)
    reopen(books, APRIL)
    reopen(books, MARCH)
    assert [row.kind for row in rows(books, APRIL)] == []


def test_a_team_keeps_the_name_it_had_when_the_line_was_made(books):
    books.put(FIFTH, {DATA: "10", RISK: "5"})
    close(books, MARCH)
    change(books, "update costpulse.teams set name = 'Platform' where id = %s", DATA)
    change(books, "delete from costpulse.teams where id = %s", RISK)
    books.put(FIFTH, {DATA: "11", WEB: "5"})
    book(books)
    assert {row.team_id: row.team_name for row in rows(books, MARCH)} == {DATA: "Data", RISK: "Risk"}
    assert {(row.team_name, row.usage_quantity) for row in rows(books, APRIL)} == {
        ("Platform", 1),
        ("Risk", -5),
        ("Web", 5),
    }


def test_a_month_with_days_that_are_missing_not_final_or_out_of_date_is_not_closed(books):
    june = date(2026, 6, 1)
    with pytest.raises(MonthNotFinal, match=r"2026-06 cannot be closed: 30 days are missing \(the first: 2026-06-01\)"):
        close(books, june)
    books.collect(june, is_provisional=True)
    with pytest.raises(MonthNotFinal, match=r"30 days are not final.*materialize --from 2026-06-01 --to 2026-06-30"):
        close(books, june)
    stale = "update costpulse.collected_days set {} where usage_date = %s"
    for what, over in (
        ("in_flight = true", "in_flight = false"),
        ("reprice_reason = 'x'", "reprice_reason = null"),
        ("recollect_reason = 'x'", "recollect_reason = null"),
        ("changed_at = now()", None),
    ):
        change(books, stale.format(what), SIXTH)
        with pytest.raises(MonthNotFinal, match=r"1 day is not up to date \(the first: 2026-03-06\)"):
            close(books, MARCH)
        if over:
            change(books, stale.format(over), SIXTH)
    books.build([SIXTH])
    with books.database.transaction() as connection:
        connection.execute(
            "insert into costpulse.rule_versions (kind, object_id, version, action, content, concerns, actor) "
            "values ('rule', 1, 1, 'insert', '{}', '[2026-03-10,2026-03-12)', 'ada')"
        )
    with pytest.raises(MonthNotFinal, match=r"2 days are not up to date \(the first: 2026-03-10\)"):
        close(books, MARCH)
    assert lines(books) == []
    books.build(books.days)
    close(books, MARCH)


@pytest.mark.parametrize(
    "statement",
    [
        "update costpulse.statement_lines set cost_usd = 0 where kind = 'statement'",
        "update costpulse.statement_lines set usage_quantity = 0 where kind = 'adjustment'",
        "update costpulse.statement_lines set voided_at = now()",
        "delete from costpulse.statement_lines",
        "truncate costpulse.statement_lines",
        "delete from costpulse.closed_periods",
        "update costpulse.closed_periods set month = '2025-01-01'",
        "update costpulse.closed_periods set closed_at = now()",
        # March holds an adjustment that is on the closed statement of April.
        "update costpulse.closed_periods set reopened_at = now(), reopened_by = 'eve' where month = '2026-03-01'",
        "insert into costpulse.statement_lines (closing_id, month, booked_month, usage_date, kind, cause, product, "
        "sku_name, usage_unit, usage_quantity, unpriced_quantity, created_at) select id, month, '2026-04-01', month, "
        "'adjustment', 'price', 'JOBS', 'S', 'DBU', 0, 0, now() from costpulse.closed_periods where id = 1",
    ],
)
def test_nobody_changes_a_closed_statement_not_even_the_owner(books, statement):
    books.put(FIFTH, {DATA: "10"})
    close(books, MARCH)
    books.put(FIFTH, {DATA: "11"})
    book(books)
    close(books, APRIL)
    told = rows(books, MARCH), rows(books, APRIL)
    with pytest.raises(
        (InvariantBroken, DatabaseRefused), match=r"a line of a closed statement|a closing of|foreign key"
    ):
        change(books, statement)
    assert (rows(books, MARCH), rows(books, APRIL)) == told


def test_a_month_is_closed_once_at_a_time(books):
    insert = "insert into costpulse.closed_periods (month, closed_by) values ('2026-03-01', 'eve')"
    change(books, insert)
    with pytest.raises(DatabaseRefused, match="duplicate key"):
        change(books, insert)


def test_who_closed_and_reopened_is_kept_and_audited(books):
    close_month(books.database, MARCH, "ada", note="as agreed")
    reopen_month(books.database, MARCH, "grace", is_admin=True, note="a late invoice")
    with books.database.transaction() as connection:
        closing = connection.execute("select closed_by, reopened_by, note from costpulse.closed_periods").fetchone()
        audited = connection.execute(
            "select actor, action, after ->> 'reopened_by' as reopened_by from costpulse.audit_log "
            "where table_name = 'closed_periods' order by id"
        ).fetchall()
    assert closing == {"closed_by": "ada", "reopened_by": "grace", "note": "as agreed\na late invoice"}
    assert audited == [
        {"actor": "ada", "action": "insert", "reopened_by": None},
        {"actor": "grace", "action": "update", "reopened_by": "grace"},
    ]


def test_the_app_closes_and_reopens_in_somebody_s_name_and_writes_no_line_itself(books):
    books.put(FIFTH, {DATA: "10", RISK: "5", None: "1"})
    app = AsTheApp(books.database.url)
    with pytest.raises(DatabaseRefused, match=r"costpulse.actor is not set"), app.transaction() as connection:
        connection.execute("insert into costpulse.closed_periods (month, closed_by) values ('2026-03-01', 'ada')")
    close_month(app, MARCH, "ada")
    assert books.booked(MARCH) == books.truth(MARCH) != {}
    for refused in (
        "insert into costpulse.statement_lines default values",
        "update costpulse.statement_lines set voided_at = now()",
        "update costpulse.closed_periods set closed_by = 'eve'",
    ):
        with pytest.raises(DatabaseRefused, match="permission denied"), app.transaction() as connection:
            connection.execute(refused.encode())
    reopen_month(app, MARCH, "grace", is_admin=True)
    assert books.booked(MARCH) == {}


@pytest.mark.parametrize(("scope", "teams"), [("all", {DATA, RISK, None}), (f"{RISK}", {RISK}), (None, set())])
def test_the_app_sees_the_statements_of_its_teams(books, scope, teams):
    books.put(FIFTH, {DATA: "10", RISK: "5", None: "1"})
    books.put(APRIL, {DATA: "10", RISK: "5", None: "1"})
    close(books, MARCH)
    with AsTheApp(books.database.url, scope).transaction() as connection:
        for month in (MARCH, APRIL):
            assert {row.team_id for row in statement(connection, month)} == teams


def test_the_bill_is_as_it_was_known_on_any_day_after_the_closing(books):
    books.put(FIFTH, {DATA: "10"})
    close(books, MARCH, date(2026, 6, 1))
    for day, quantity in ((3, "11"), (5, "9")):
        books.put(FIFTH, {DATA: quantity})
        book(books, date(2026, 6, day))
    reopen(books, MARCH, date(2026, 6, 8))
    books.put(FIFTH, {DATA: "30"})
    close(books, MARCH, date(2026, 6, 9))

    def known(day: int) -> Decimal:
        with books.database.transaction() as connection:
            return sum(
                (row.usage_quantity for row in bill_as_of(connection, MARCH, date(2026, 6, day)).lines), Decimal(0)
            )

    assert [known(day) for day in (1, 2, 3, 4, 5, 7, 9, 30)] == [10, 10, 11, 11, 9, 9, 30, 30]
    assert [(row.kind, row.usage_quantity) for row in rows(books, MARCH, date(2026, 6, 7))] == [("statement", 10)]
    assert [row.usage_quantity for row in rows(books, MARCH, date(2026, 6, 9))] == [30]


def test_a_statement_as_of_a_day_has_the_adjustments_booked_until_then(books):
    books.put(FIFTH, {DATA: "10"})
    close(books, MARCH)
    close(books, APRIL)
    for day, quantity in ((3, "11"), (5, "9")):
        books.put(FIFTH, {DATA: quantity})
        book(books, date(2026, 6, day))
    close(books, MAY, date(2026, 6, 6))
    assert [row.usage_quantity for row in rows(books, MAY, date(2026, 6, 6))] == [1, -2]
    assert [row.usage_quantity for row in rows(books, MAY)] == [1, -2]


def test_the_setting_closes_the_month_before_once_its_day_has_come(books):
    def on(today: date, on_day: int = 5) -> tuple[list[date], str | None]:
        return close_due_months(books.database, on_day=on_day, today=today, at=noon(today))

    assert on(date(2026, 4, 4)) == ([], "2026-02 cannot be closed: 28 days are missing (the first: 2026-02-01).")
    change(books, "update costpulse.completeness set is_provisional = true where usage_date = '2026-03-31'")
    assert on(date(2026, 4, 5)) == ([], "2026-03 cannot be closed: 1 day is not final (the first: 2026-03-31).")
    change(books, "update costpulse.completeness set is_provisional = false")
    assert on(date(2026, 4, 6)) == ([MARCH], None)
    assert on(date(2026, 4, 7)) == ([], None)
    # April waits for nothing and May neither: both are made up for in order.
    assert on(date(2026, 6, 28), on_day=28) == ([APRIL, MAY], None)
    # What was reopened is not closed behind the back of who reopened it.
    reopen(books, MAY)
    assert on(date(2026, 6, 30)) == ([], None)
    with books.database.transaction() as connection:
        found = connection.execute("select closed_by, is_automatic from costpulse.closed_periods").fetchall()
    assert found == [{"closed_by": "pipeline", "is_automatic": True}] * 3


def test_lines_that_do_not_add_up_are_found_and_nothing_is_booked_over_them(books):
    books.put(FIFTH, {DATA: "10"})
    close(books, MARCH)
    with books.database.transaction() as connection:
        connection.execute("alter table costpulse.statement_lines disable trigger guard")
        connection.execute("update costpulse.statement_lines set cost_usd = cost_usd + 1e-18")
    (difference,) = books.database.rows("checks/statements_add_up", {"days": None})
    assert difference["booked_cost_usd"] - difference["cost_usd"] == Decimal("1e-18")
    assert books.database.rows("checks/statements_add_up", {"days": [SIXTH]}) == []


def test_months_are_told_by_any_of_their_days(books):
    books.put(FIFTH, {DATA: "10"})
    close(books, date(2026, 3, 31))
    with localcontext(EXACT):
        assert rows(books, FIFTH) == rows(books, MARCH) != []
    with books.database.transaction() as connection:
        assert bill_as_of(connection, date(2026, 3, 9), CLOSING_DAY + timedelta(days=1)).lines == rows(books, MARCH)


def test_every_column_is_described(books):
    with books.database.transaction() as connection:
        missing = connection.execute(
            "select attrelid::regclass, attname from pg_attribute where attrelid = any("
            "array['costpulse.closed_periods', 'costpulse.statement_lines']::regclass[]) and attnum > 0 "
            "and not attisdropped and col_description(attrelid, attnum) is null"
        ).fetchall()
    assert missing == []


def test_a_line_is_of_its_month_and_money_is_a_number(books):
    close(books, MARCH)
    insert = (
        "insert into costpulse.statement_lines (closing_id, month, booked_month, usage_date, kind, cause, product, "
        "sku_name, usage_unit, usage_quantity, unpriced_quantity, cost_usd, created_at) values "
        "(1, '2026-03-01', {}, {}, {}, 'JOBS', 'S', 'DBU', 0, 0, {}, now())"
    )
    for values in (
        ("'2026-04-01'", "'2026-04-01'", "'adjustment', 'price'", "1"),
        ("'2026-04-01'", "'2026-03-01'", "'adjustment', null", "1"),
        ("'2026-02-01'", "'2026-03-01'", "'adjustment', 'price'", "1"),
        ("'2026-04-01'", "'2026-03-01'", "'adjustment', 'price'", "'NaN'"),
    ):
        with (
            psycopg.connect(books.database.url) as connection,
            pytest.raises(psycopg.errors.CheckViolation),
        ):
            connection.execute(insert.format(*values).encode())
