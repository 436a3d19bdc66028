"""What was known on a past day is what daily_costs said at its end, whatever has changed since."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.costs.assets import DAILY_COSTS
from costpulse_assets.costs.known_costs import keep_known
from costpulse_assets.costs.statements import KnownBill, bill_as_of, close_month, statement
from costpulse_assets.derived_days import build
from costpulse_assets.resources.database import Connection, Database
from tests.costs.books import JOBS, SQL, Block, Books, Totals, noon, totals
from tests.costs.conftest import MARCH
from tests.small_account import SmallAccount, collect_days

DATA, RISK, WEB = 1, 2, 3
FIFTH = date(2026, 3, 5)
FIRST = date(2026, 3, 9)
CHECK = "checks/known_costs_are_daily_costs"


def known(database: Database, month: date, day: date) -> KnownBill:
    with database.transaction() as connection:
        return bill_as_of(connection, month, day)


def query(database: Database, text: str, *parameters: Any) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        cursor = connection.execute(text.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


def kept(books: Books) -> list[tuple[Any, ...]]:
    """(usage day, team, from, to, quantity) of all that is kept, in order."""
    rows = query(
        books.database,
        "select usage_date, team_id, known_from, known_to, usage_quantity from costpulse.known_costs "
        "order by usage_date, known_from, team_id",
    )
    return [tuple(row.values()) for row in rows]


def after(days: int) -> date:
    return FIRST + timedelta(days=days)


@contextmanager
def as_the_app(books: Books, scope: str) -> Iterator[Connection]:
    with books.database.transaction() as connection:
        connection.execute("set local role costpulse_app")
        connection.execute("select set_config('costpulse.scope', %s, true)", [scope])
        yield connection


amounts = st.decimals(min_value=-3, max_value=40, places=18)
#: (days since the change before, day of usage, SKU, quantity of each team, rate)
changes = st.tuples(
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([JOBS, SQL]),
    st.dictionaries(st.sampled_from([DATA, RISK, WEB, None]), amounts, max_size=3),
    st.none() | st.decimals(min_value=0, max_value=2, places=18),
)


@given(steps=st.lists(changes, min_size=2, max_size=10))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_bill_as_known_on_any_past_day_is_the_snapshot_of_that_day(books: Books, steps: list[Any]) -> None:
    query(books.database, "truncate costpulse.known_costs, costpulse.known_days")
    books.blocks.clear()
    books.build(books.days)
    keep_known(books.database, FIRST)
    snapshots: dict[date, Totals] = {FIRST: {}}
    day = FIRST
    for later, usage_day, sku, quantities, rate in steps:
        for _ in range(later):
            day += timedelta(days=1)
            snapshots[day] = snapshots[day - timedelta(days=1)]
        books.blocks[MARCH + timedelta(days=usage_day), sku] = Block(quantities, rate)
        books.build([MARCH + timedelta(days=usage_day)])
        keep_known(books.database, day)
        snapshots[day] = books.truth(MARCH)
    for day, snapshot in snapshots.items():
        bill = known(books.database, MARCH, day)
        assert totals(bill.lines) == snapshot
        assert bill.remark is None
    assert books.database.rows(CHECK, {"days": books.days}) == []
    overlapping = query(
        books.database,
        "select 1 from costpulse.known_costs as a inner join costpulse.known_costs as b on "
        "(a.usage_date, a.sku_name, a.known_from) = (b.usage_date, b.sku_name, b.known_from) and a.ctid < b.ctid and "
        "a.team_id is not distinct from b.team_id",
    )
    assert overlapping == []


kinds = st.sampled_from(["usage", "correction", "adjustment", "no adjustment", "rule", "no rule", "member"])


@given(steps=st.lists(st.tuples(kinds, st.integers(0, 2), st.integers(1, 30)), min_size=2, max_size=6))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_corrections_adjustments_and_rules_of_later_days_do_not_change_what_was_known(books: Books, steps: Any) -> None:
    """As above, of bills that are collected, priced and allocated by the code that does it."""
    database = books.database
    query(
        database,
        "truncate costpulse.known_costs, costpulse.known_days, costpulse.price_adjustments, costpulse.allocation_rules",
    )
    query(database, "delete from costpulse.team_members")
    snapshots: dict[date, Totals] = {}
    with SmallAccount() as account:
        account.add_price("0.15")
        account.add_usage("10", day=MARCH)
        account.add_usage("4", day=MARCH, run_as="bob@example.com", tags={"team": "web"})
        # The first step changes what nobody has seen yet.
        day = FIRST
        for what, later, number in steps:
            for _ in range(later if snapshots else 0):
                snapshots[day + timedelta(days=1)] = snapshots[day]
                day += timedelta(days=1)
            step(database, account, what, number, day)
            collect_days(database, account, MARCH)
            for table in (KEY_ALLOCATIONS, DAILY_COSTS):
                build(database, table, [MARCH])
            keep_known(database, day)
            snapshots[day] = books.truth(MARCH)
    for day, snapshot in snapshots.items():
        assert totals(known(database, MARCH, day).lines) == snapshot


def step(database: Database, account: SmallAccount, what: str, number: int, day: date) -> None:
    """Something that changes what the day costs, or whose it is."""
    match what:
        case "usage":
            account.add_usage(f"{number}.000000000000000001", day=MARCH, ingested=day)
        case "correction":
            account.add_usage("-10", day=MARCH, record_type="RETRACTION", ingested=day)
            account.add_usage(f"{number}", day=MARCH, record_type="RESTATEMENT", ingested=day)
        case "adjustment":
            query(
                database,
                "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) values ('*', %s, %s)",
                *(-number, MARCH),
            )
        case "no adjustment":
            query(database, "delete from costpulse.price_adjustments")
        case "rule":
            query(
                database,
                "insert into costpulse.allocation_rules (name, team_id, rule_type, conditions, priority) "
                """values (gen_random_uuid(), %s, 'tag_match', '{"key": "team", "values": ["web"]}', %s)""",
                *(number % 3 + 1, number),
            )
        case "no rule":
            query(database, "delete from costpulse.allocation_rules")
        case "member":
            query(database, "delete from costpulse.team_members")
            query(
                database,
                "insert into costpulse.team_members (team_id, email) values (%s, 'ada@example.com')",
                number % 3 + 1,
            )


def test_only_what_has_changed_is_written(books):
    books.put(FIFTH, {DATA: "10", RISK: "5"})
    keep_known(books.database, FIRST)
    books.put(FIFTH, {DATA: "11", RISK: "5"})
    assert keep_known(books.database, after(1)) == [FIFTH]
    books.put(FIFTH, {DATA: "11", None: "5"})
    keep_known(books.database, after(3))
    assert kept(books) == [
        (FIFTH, DATA, FIRST, after(1), 10),
        (FIFTH, RISK, FIRST, after(3), 5),
        (FIFTH, DATA, after(1), None, 11),
        (FIFTH, None, after(3), None, 5),
    ]


def test_what_is_built_again_with_the_same_figures_leaves_no_row(books):
    books.put(FIFTH, {DATA: "10", None: "1"}, rate=None)
    keep_known(books.database, FIRST)
    before = kept(books)
    books.build(books.days)
    assert keep_known(books.database, after(1)) == sorted(books.days)
    assert kept(books) == before
    # Nothing was built since: nothing is looked at.
    assert keep_known(books.database, after(2)) == []


def test_of_two_changes_on_one_day_the_last_is_kept_and_none_if_it_takes_the_first_back(books):
    books.put(FIFTH, {DATA: "10"})
    keep_known(books.database, FIRST)
    for quantity in ("11", "12"):
        books.put(FIFTH, {DATA: quantity, RISK: "1"})
        keep_known(books.database, after(1))
    assert [totals(known(books.database, MARCH, day).lines)[DATA, JOBS][0] for day in (FIRST, after(1))] == [10, 12]
    books.put(FIFTH, {DATA: "10"})
    keep_known(books.database, after(1))
    assert kept(books) == [(FIFTH, DATA, FIRST, None, 10)]


def test_a_clock_that_was_put_back_does_not_rewrite_what_was_known(books):
    books.put(FIFTH, {DATA: "10"})
    keep_known(books.database, after(5))
    books.put(FIFTH, {DATA: "12"})
    keep_known(books.database, after(6))
    books.put(FIFTH, {DATA: "13"})
    keep_known(books.database, after(2))
    assert kept(books) == [(FIFTH, DATA, after(5), after(6), 10), (FIFTH, DATA, after(6), None, 13)]


def test_days_that_were_collected_later_are_reconstructed_and_named(database_url):
    database = Database(database_url)
    with SmallAccount() as account:
        account.add_price("0.15")
        for usage_day in (MARCH, MARCH + timedelta(days=1), FIFTH):
            account.add_usage("10", day=usage_day)
        account.add_usage("-4", day=MARCH, record_type="RESTATEMENT", ingested=FIRST)
        collect_days(database, account, FIFTH)
        for table in (KEY_ALLOCATIONS, DAILY_COSTS):
            build(database, table, [FIFTH])
        keep_known(database, after(-1))
        # The days before are backfilled much later.
        backfilled = [MARCH, MARCH + timedelta(days=1)]
        collect_days(database, account, *backfilled)
        for table in (KEY_ALLOCATIONS, DAILY_COSTS):
            build(database, table, backfilled)
        keep_known(database, after(9))

    bill = known(database, MARCH, after(-1))
    assert [(line.kind, line.usage_quantity) for line in bill.lines] == [("open", 10), ("reconstructed", 20)]
    assert list(bill.reconstructed) == backfilled
    assert bill.remark is not None
    assert "Not kept, and reconstructed: 2026-03-01 to 2026-03-02." in bill.remark
    assert sum(line.usage_quantity for line in known(database, MARCH, FIRST).lines) == 26
    assert known(database, MARCH, after(9)).remark is None
    # Before a day is over nothing is said to be missing of it.
    assert known(database, MARCH, date(2026, 2, 20)) == KnownBill([])
    assert known(database, MARCH, MARCH).reconstructed == (MARCH,)
    with database.transaction() as connection:
        assert statement(connection, MARCH, FIRST) == bill_as_of(connection, MARCH, FIRST).lines

    # The app says the same to who sees all teams; who sees some is told what is left out.
    books = Books(database)
    with as_the_app(books, "all") as connection:
        assert bill_as_of(connection, MARCH, after(-1)) == bill
    with as_the_app(books, "1") as connection:
        partly = bill_as_of(connection, MARCH, after(-1))
        assert (partly.lines, list(partly.left_out)) == ([], backfilled)
        assert partly.remark is not None
        assert "left out: 2026-03-01 to 2026-03-02" in partly.remark
        assert connection.execute("select 1 from costpulse.ingested_costs").fetchall() == []


@pytest.mark.parametrize(("scope", "teams"), [("all", {DATA, RISK, None}), (f"{RISK}", {RISK}), ("", set())])
def test_the_app_sees_what_was_known_of_its_teams(books, scope, teams):
    books.put(FIFTH, {DATA: "10", RISK: "5", None: "1"})
    keep_known(books.database, FIRST)
    books.put(FIFTH, {DATA: "10"})
    keep_known(books.database, after(1))
    with as_the_app(books, scope) as connection:
        bill = bill_as_of(connection, MARCH, FIRST)
        assert {line.team_id for line in bill.lines} == teams
        assert bill.remark is None


def test_a_closed_month_is_known_by_its_statement(books):
    books.put(FIFTH, {DATA: "10"})
    keep_known(books.database, date(2026, 4, 2))
    close_month(books.database, MARCH, "ada", at=noon(date(2026, 4, 3)))
    books.put(FIFTH, {DATA: "12"})
    keep_known(books.database, date(2026, 4, 4))
    assert [line.kind for line in known(books.database, MARCH, date(2026, 4, 2)).lines] == ["open"]
    # Nothing was booked for it yet: what was known of the closed month is what was frozen.
    assert [(line.kind, line.usage_quantity) for line in known(books.database, MARCH, date(2026, 4, 4)).lines] == [
        ("statement", 10)
    ]


def test_a_team_that_was_deleted_is_shown_by_its_number(books):
    books.put(FIFTH, {WEB: "10"})
    keep_known(books.database, FIRST)
    query(books.database, "delete from costpulse.teams where id = 3")
    assert [line.team_name for line in known(books.database, MARCH, FIRST).lines] == ["Team 3"]


@pytest.mark.parametrize(
    "tamper",
    [
        "update costpulse.known_costs set cost_usd = cost_usd + 1e-18",
        "update costpulse.known_costs set known_to = known_from + 1",
        "delete from costpulse.daily_costs",
        "update costpulse.daily_costs set team_id = 2",
    ],
)
def test_what_is_not_daily_costs_is_found(books, tamper):
    books.put(FIFTH, {DATA: "10"})
    keep_known(books.database, FIRST)
    assert books.database.rows(CHECK, {"days": [FIFTH]}) == []
    query(books.database, tamper)
    assert books.database.rows(CHECK, {"days": [FIFTH]}) != []


def test_every_column_is_described(books):
    missing = query(
        books.database,
        "select attrelid::regclass, attname from pg_attribute where attrelid = any(array['costpulse.known_costs', "
        "'costpulse.known_days', 'costpulse.ingested_costs']::regclass[]) and attnum > 0 and not attisdropped "
        "and col_description(attrelid, attnum) is null",
    )
    assert missing == []
