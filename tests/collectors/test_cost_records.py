"""Collecting usage: what ends up in cost_records, and what happens when the source moves or fails."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from costpulse_assets.collectors.cost_records import changed_days, days_to_reprice, reprice
from costpulse_assets.collectors.prices import PriceTable, choose_price_table, collect_list_prices
from costpulse_assets.errors import BadSettings, InvariantBroken, SourceInconsistent, SourceUnavailable
from costpulse_assets.identities import Identities
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.source import Parameter
from tests.small_account import JOBS_SKU, MONDAY, PRICES, SmallAccount, collect_days

TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        account.add_price("0.15")
        yield account


def query(database: Database, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def records(database: Database) -> list[dict[str, Any]]:
    return query(database, "select * from costpulse.cost_records order by usage_date, ingestion_date, usage_quantity")


def test_money_is_quantity_times_the_price_in_force_to_eighteen_digits(database, account):
    account.add_usage("0.333333333333333333")
    collect_days(database, account)
    (row,) = records(database)
    assert row["usage_quantity"] == row["dbu_count"] == Decimal("0.333333333333333333")
    assert row["dbu_rate"] == Decimal("0.15")
    assert row["cost_usd"] == row["list_cost_usd"] == Decimal("0.05")


def test_a_row_exactly_on_a_price_boundary_takes_the_new_price_once(database, account):
    change = datetime(2026, 6, 1, 3, tzinfo=UTC)
    account.change("delete from billing.list_prices")
    account.add_price("0.10", end=change)
    account.add_price("0.20", start=change)
    account.add_usage("1", hour=2)
    account.add_usage("1", hour=3)
    collect_days(database, account)
    assert sorted(row["cost_usd"] for row in records(database)) == [Decimal("0.1"), Decimal("0.2")]


def test_overlapping_price_windows_never_price_a_row_twice(database, account):
    account.add_price("0.30", start=datetime(2026, 1, 1, tzinfo=UTC))
    account.add_usage("1")
    collect_days(database, account)
    (row,) = records(database)
    assert row["dbu_rate"] == Decimal("0.3")
    assert row["record_count"] == 1


def test_the_effective_list_price_wins_over_the_default(database, account):
    account.change("delete from billing.list_prices")
    account.add_price("0.40", effective="0.20")
    account.add_usage("2")
    collect_days(database, account)
    assert records(database)[0]["cost_usd"] == Decimal("0.4")


def test_a_sku_without_a_price_has_no_cost_and_keeps_its_quantity(database, account):
    account.add_usage("7", sku="PREMIUM_NEW_THING")
    collect_days(database, account)
    (row,) = records(database)
    assert row["cost_usd"] is None
    assert row["list_cost_usd"] is None
    assert row["usage_quantity"] == 7
    (sku,) = database.rows("checks/unpriced_skus", {"days": [MONDAY]})
    assert sku["sku_name"] == "PREMIUM_NEW_THING"


def test_dbu_count_is_null_for_other_units(database, account):
    account.add_price("0.023", sku="STORAGE", unit="DSU")
    account.add_usage("10", sku="STORAGE", unit="DSU", product="DEFAULT_STORAGE", metastore_id="m1")
    collect_days(database, account)
    (row,) = records(database)
    assert row["dbu_count"] is None
    assert row["cost_usd"] == Decimal("0.23")
    assert (row["resource_type"], row["resource_id"]) == ("metastore", "m1")


def test_identity_is_run_as_else_owner_else_creator_and_says_which(database, account):
    account.add_usage("1")
    account.add_usage("2", run_as=None, owned_by="owner@example.com")
    account.add_usage("3", run_as=None, created_by="maker@example.com")
    account.add_usage("4", run_as=None)
    collect_days(database, account)
    found = {row["usage_quantity"]: (row["user_email"], row["user_source"]) for row in records(database)}
    assert found == {
        1: ("ada@example.com", "run_as"),
        2: ("owner@example.com", "owned_by"),
        3: ("maker@example.com", "created_by"),
        4: (None, None),
    }


def test_serverless_is_part_of_the_product(database, account):
    account.add_usage("1", product="SQL", serverless=True, warehouse_id="w1")
    account.add_usage("2", product="SQL", serverless=False, warehouse_id="w1")
    account.add_usage("3", product=None)
    collect_days(database, account)
    assert [row["product"] for row in records(database)] == ["SQL_SERVERLESS", "SQL", "UNKNOWN"]


def test_equal_tags_in_another_order_are_one_key(database, account):
    account.add_usage("1", tags={"team": "a", "env": "prod"})
    account.add_usage("2", tags={"env": "prod", "team": "a"})
    account.add_usage("4", tags={"env": "prod", "team": None})
    collect_days(database, account)
    keys = query(database, "select key_id, tags from costpulse.cost_keys")
    assert len(keys) == 2
    assert sorted(row["usage_quantity"] for row in records(database)) == [3, 4]


def test_rows_without_a_workspace_are_kept(database, account):
    account.add_usage("5", workspace=None)
    collect_days(database, account)
    assert records(database)[0]["workspace_id"] is None


def test_corrections_keep_their_own_rows_and_the_net_is_a_plain_sum(database, account):
    later = MONDAY + timedelta(days=6)
    account.add_usage("10")
    account.add_usage("-10", record_type="RETRACTION", ingested=later)
    account.add_usage("8", record_type="RESTATEMENT", ingested=later)
    collect_days(database, account)
    assert len(records(database)) == 3
    (total,) = query(database, "select sum(cost_usd) as cost from costpulse.cost_records")
    assert total["cost"] == Decimal("1.2")


def test_collecting_twice_changes_nothing(database, account):
    account.add_usage("10", tags={"a": "b"}, cluster_id="c", job_id="j", job_name="nightly")
    account.add_usage("1", sku="PREMIUM_NEW_THING")
    collect_days(database, account)
    before = [records(database), query(database, "select * from costpulse.cost_keys"), _changed_at(database)]
    outcome = collect_days(database, account)
    assert [records(database), query(database, "select * from costpulse.cost_keys"), _changed_at(database)] == before
    assert outcome.changed == []
    assert query(database, "select count(*) as n from costpulse.collection_log")[0]["n"] == 2


def test_a_restated_day_replaces_what_was_there_and_no_other_day(database, account):
    account.add_usage("10")
    account.add_usage("20", day=TUESDAY)
    collect_days(database, account, MONDAY, TUESDAY)
    tuesday_before = [row for row in records(database) if row["usage_date"] == TUESDAY]
    account.add_usage("-4", record_type="RETRACTION", ingested=TUESDAY)
    assert changed_days(database, account, Period(MONDAY, TUESDAY)) == [MONDAY]
    outcome = collect_days(database, account, MONDAY)
    assert outcome.changed == [MONDAY]
    assert [row for row in records(database) if row["usage_date"] == TUESDAY] == tuesday_before
    assert query(database, "select sum(cost_usd) c from costpulse.cost_records where usage_date = %s", MONDAY)[0][
        "c"
    ] == Decimal("0.9")


def test_a_day_whose_usage_vanished_becomes_empty(database, account):
    account.add_usage("10")
    collect_days(database, account)
    account.change("delete from billing.usage")
    assert changed_days(database, account, Period(MONDAY, MONDAY)) == [MONDAY]
    collect_days(database, account)
    assert records(database) == []
    assert query(database, "select source_rows from costpulse.collected_days")[0]["source_rows"] == 0


def test_days_without_usage_are_known_to_be_collected(database, account):
    collect_days(database, account, MONDAY, TUESDAY)
    assert changed_days(database, account, Period(MONDAY, TUESDAY)) == []


def test_rows_that_break_a_rule_are_quarantined_with_the_reason_and_counted(database, account):
    account.add_usage("1")
    account.add_usage(None)
    account.add_usage("2", unit=None)
    account.add_usage("3", tags={"bad": "a\x00b"})
    account.add_usage("900000000000000", run_as="other@example.com")
    outcome = collect_days(database, account)
    assert outcome.rejected == 4
    assert [row["usage_quantity"] for row in records(database)] == [1]
    reasons = query(database, "select reason, record_count from costpulse.rejected_rows order by reason")
    assert [row["reason"] for row in reasons] == [
        "tags contains a NUL character",
        "usage_quantity is beyond 100,000,000,000,000",
        "usage_quantity is missing",
        "usage_unit is missing",
    ]
    # and once more: quarantined once, not twice
    collect_days(database, account)
    assert query(database, "select count(*) as n from costpulse.rejected_rows")[0]["n"] == 4


class Moving(SmallAccount):
    """Gets one more row while a statement runs, a given number of times."""

    def __init__(self, moves: int) -> None:
        super().__init__()
        self.add_price("0.15")
        self.moves = moves

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        reader = super().fetch(statement, parameters)
        if "list rate" in statement.splitlines()[0] and self.moves:
            self.moves -= 1
            table = reader.read_all()
            self.add_usage("1", ingested=TUESDAY)
            return table.to_reader()
        return reader


def test_a_source_that_moves_once_is_read_again(database):
    with Moving(1) as account:
        account.add_usage("10")
        outcome = collect_days(database, account)
        assert outcome.in_flight == []
        assert sum(row["usage_quantity"] for row in records(database)) == 11


def test_a_source_that_never_stands_still_is_kept_marked_and_taken_again(database):
    with Moving(3) as account:
        account.add_usage("10")
        outcome = collect_days(database, account)
        assert outcome.in_flight == [MONDAY]
        assert sum(row["usage_quantity"] for row in records(database)) == 12
        assert changed_days(database, account, Period(TUESDAY, TUESDAY)) == [MONDAY, TUESDAY]
        outcome = collect_days(database, account)
        assert outcome.in_flight == []
        assert sum(row["usage_quantity"] for row in records(database)) == 13


class Losing(SmallAccount):
    """Silently ends its results early, as a server that says hasMoreRows=False too soon."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.add_price("0.15")
        self.times = times

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        reader = super().fetch(statement, parameters)
        if "list rate" in statement.splitlines()[0] and self.times:
            self.times -= 1
            return reader.read_all().slice(1).to_reader()
        return reader


def test_lost_rows_are_noticed_and_the_statement_is_restarted(database):
    with Losing(1) as account:
        account.add_usage("10")
        account.add_usage("1", run_as="other@example.com")
        collect_days(database, account)
        assert sum(row["usage_quantity"] for row in records(database)) == 11


def test_lost_rows_again_and_again_leave_the_day_as_it_was(database):
    with Losing(0) as account:
        account.add_usage("10")
        collect_days(database, account)
        before = records(database)
        account.add_usage("1", run_as="other@example.com")
        account.times = 99
        with pytest.raises(SourceInconsistent, match="the source announced 2 rows"):
            collect_days(database, account)
        assert records(database) == before


class Failing(SmallAccount):
    """Breaks after the first batch of the big result."""

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        reader = super().fetch(statement, parameters)
        if "list rate" not in statement.splitlines()[0]:
            return reader

        def break_off() -> Iterator[pa.RecordBatch]:
            yield from reader
            raise SourceUnavailable("The warehouse went away.", next_step="Wait.")

        return pa.RecordBatchReader.from_batches(reader.schema, break_off())


def test_a_failure_in_mid_result_leaves_nothing_half_written(database, account):
    account.add_usage("10")
    collect_days(database, account)
    before = records(database)
    with Failing() as failing:
        failing.add_price("0.15")
        failing.add_usage("99")
        with pytest.raises(SourceUnavailable, match="went away"):
            collect_days(database, failing)
    assert records(database) == before


def test_a_price_adjustment_gives_the_customers_price_and_the_longest_pattern_wins(database, account):
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.price_adjustments (sku_pattern, percentage, fixed_rate, valid_from, valid_to) values"
            " ('*', -50, null, '2026-01-01', null), ('premium_jobs*', -10, null, '2026-01-01', '2026-06-02'),"
            " ('PREMIUM_SQL', null, 0.5, '2026-01-01', null)"
        )
    account.add_usage("1")
    account.add_usage("1", day=TUESDAY)
    account.add_usage("2", sku="PREMIUM_SQL")
    collect_days(database, account, MONDAY, TUESDAY)
    found = {(row["usage_date"], row["sku_name"]): row for row in records(database)}
    assert found[MONDAY, JOBS_SKU]["cost_usd"] == Decimal("0.135")
    assert found[MONDAY, JOBS_SKU]["list_cost_usd"] == Decimal("0.15")
    assert found[TUESDAY, JOBS_SKU]["cost_usd"] == Decimal("0.075")
    # a fixed rate is what the customer pays, list price or not
    assert found[MONDAY, "PREMIUM_SQL"]["cost_usd"] == 1
    assert found[MONDAY, "PREMIUM_SQL"]["list_cost_usd"] is None


def test_a_changed_adjustment_reprices_its_days_without_asking_the_source(database, account):
    account.add_usage("1")
    account.add_usage("1", day=TUESDAY)
    collect_days(database, account, MONDAY, TUESDAY)
    changed_before = _changed_at(database)
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) values ('*', -20, %s)",
            [TUESDAY],
        )
    assert days_to_reprice(database) == [TUESDAY]
    asked = len(account.statements)
    reprice(database, [TUESDAY], chunk_days=31)
    assert len(account.statements) == asked
    assert [row["cost_usd"] for row in records(database)] == [Decimal("0.15"), Decimal("0.12")]
    assert days_to_reprice(database) == []
    assert _changed_at(database)[MONDAY] == changed_before[MONDAY]
    assert _changed_at(database)[TUESDAY] > changed_before[TUESDAY]
    # and the price at the next collection is the same
    collect_days(database, account, TUESDAY)
    assert records(database)[1]["cost_usd"] == Decimal("0.12")


def test_a_list_price_that_arrives_late_makes_the_days_it_touches_collect_again(database, account):
    late = "PREMIUM_LATE_SKU"
    account.add_usage("1", sku=late)
    account.add_usage("1", day=TUESDAY)
    collect_list_prices(database, account, PRICES)
    collect_days(database, account, MONDAY, TUESDAY)
    account.add_price("0.5", sku=late, start=datetime(2026, 6, 1, tzinfo=UTC))
    assert collect_list_prices(database, account, PRICES)["days_marked"] == 1
    assert changed_days(database, account, Period(MONDAY, TUESDAY)) == [MONDAY]
    outcome = collect_days(database, account, MONDAY)
    assert outcome.changed == [MONDAY]
    assert query(database, "select cost_usd from costpulse.cost_records where sku_name = %s", late) == [
        {"cost_usd": Decimal("0.5")}
    ]
    assert collect_list_prices(database, account, PRICES)["days_marked"] == 0


def test_a_new_price_from_tomorrow_on_does_not_touch_the_days_before(database, account):
    account.add_usage("1")
    account.add_usage("1", day=TUESDAY)
    collect_list_prices(database, account, PRICES)
    collect_days(database, account, MONDAY, TUESDAY)
    account.change("update billing.list_prices set price_end_time = timestamptz '2026-06-02 00:00:00+00'")
    account.add_price("0.2", start=datetime(2026, 6, 2, tzinfo=UTC))
    collect_list_prices(database, account, PRICES)
    assert changed_days(database, account, Period(MONDAY, TUESDAY)) == [TUESDAY]


def test_a_price_table_in_another_currency_is_a_clear_error(account):
    with pytest.raises(BadSettings, match="holds no price in EUR"):
        choose_price_table(account, "auto", "EUR")
    assert choose_price_table(account, "auto", "USD") == PriceTable("list_prices", "USD")


def test_long_collections_are_cut_into_chunks_newest_first(database, account):
    said: list[str] = []
    days = [MONDAY + timedelta(days=n) for n in range(5)]
    from costpulse_assets.collectors.cost_records import collect

    collect(database, account, days, prices=PRICES, chunk_days=2, identities=Identities(None), progress=said.append)
    assert [line.split(",")[0] for line in said] == [
        "2/5 days: 2026-06-04 to 2026-06-05",
        "4/5 days: 2026-06-02 to 2026-06-03",
        "5/5 days: 2026-06-01",
    ]


def _changed_at(database: Database) -> dict[date, datetime]:
    return {
        row["usage_date"]: row["changed_at"]
        for row in query(database, "select usage_date, changed_at from costpulse.collected_days")
    }


def test_a_key_that_would_stand_for_something_else_stops_the_load(database, account):
    account.add_usage("10")
    collect_days(database, account)
    before = records(database)
    with database.transaction() as connection:
        connection.execute("alter table costpulse.cost_keys disable trigger refuse_ambiguous_key")
    query(database, "update costpulse.cost_keys set user_email = 'mallory@example.com' returning 1 as x")
    with database.transaction() as connection:
        connection.execute("alter table costpulse.cost_keys enable trigger refuse_ambiguous_key")
    with pytest.raises(InvariantBroken, match="two different attribution keys have one key_id"):
        collect_days(database, account)
    assert records(database) == before


class Doubling(SmallAccount):
    """Answers some rows twice, in a batch of their own, as a server that repeats a page."""

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        reader = super().fetch(statement, parameters)
        if "list rate" not in statement.splitlines()[0]:
            return reader
        table = reader.read_all()
        return pa.RecordBatchReader.from_batches(table.schema, [*table.to_batches(), *table.slice(1).to_batches()])


def test_a_grain_that_comes_twice_stops_the_load_and_leaves_the_day_as_it_was(database, account):
    account.add_usage("10")
    collect_days(database, account)
    before = records(database)
    with Doubling() as doubling:
        doubling.add_price("0.15")
        doubling.add_usage("1")
        doubling.add_usage("2", run_as="other@example.com", workspace=None)
        with pytest.raises(InvariantBroken, match="A grain occurs twice in cost_records"):
            collect_days(database, doubling)
    assert records(database) == before


@pytest.mark.parametrize(
    "other",
    [
        {"day": TUESDAY},
        {"ingested": TUESDAY},
        {"record_type": "RESTATEMENT"},
        {"sku": "PREMIUM_OTHER"},
        {"unit": "DSU"},
        {"cloud": "AZURE"},
        {"run_as": "other@example.com"},
        {"tags": {"team": "a"}},
    ],
)
def test_rows_that_differ_in_one_part_of_the_grain_are_two_records(database, account, other):
    account.add_usage("1")
    account.add_usage("1", **other)
    collect_days(database, account, MONDAY, TUESDAY)
    assert len(records(database)) == 2
