"""Whose the bill of a warehouse is, how long it ran for nothing, and what it does now."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.derived_days import build
from costpulse_assets.errors import InvariantBroken
from costpulse_assets.resources.database import Database
from costpulse_assets.utilization.warehouses import QUERY_COSTS, WAREHOUSE_DAILY, rebuild_warehouse_info
from tests.small_account import MONDAY
from tests.warehouse_account import WAREHOUSE, WORKSPACE, at

ADA, BOB = "ada@example.com", "bob@example.com"
MINUTE = 60_000
HOUR = 60 * MINUTE
#: What follows money, so that costs differ from DBUs in every digit.
RATE = Decimal("0.37")


class Books:
    """The tables that query_costs is made from, row by row, for one day."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._keys = 0

    def insert(self, table: str, **row: Any) -> None:
        names = ", ".join(row)
        with self.database.transaction() as connection:
            connection.execute(
                f"insert into costpulse.{table} ({names}) values ({', '.join(f'%({name})s' for name in row)})".encode(),
                row,
            )

    def known(self, *, warehouse: str = WAREHOUSE, connection: str = "here", **more: Any) -> None:
        """A warehouse of the list."""
        self.insert("warehouses", workspace_id=WORKSPACE, warehouse_id=warehouse, connection=connection, **more)

    def read(self, source: str = "query_activity", *, day: date = MONDAY, connection: str = "here") -> None:
        """A day that was read over a connection."""
        self.insert(
            "collected_region_days",
            source=source, connection=connection, usage_date=day, row_count=0, is_settled=False,
        )  # fmt: skip

    def bill(
        self,
        hours: dict[int, str],
        *,
        warehouse: str = WAREHOUSE,
        rate: Decimal | None = RATE,
        by_hour: bool = True,
        day: date = MONDAY,
        rounding: str = "0",
    ) -> None:
        """DBUs of each hour; the rate of the day may differ from theirs in the last digits."""
        self._keys += 1
        key = f"00000000-0000-0000-0000-{self._keys:012d}"
        self.insert(
            "cost_keys",
            key_id=key, workspace_id=WORKSPACE, warehouse_id=warehouse, product="SQL",
            first_usage_date=day, last_usage_date=day,
        )  # fmt: skip
        dbus = sum(map(Decimal, hours.values()))
        rate_of_day = None if rate is None else rate + Decimal(rounding)
        for quantity in hours.values():
            self.insert(
                "cost_records",
                usage_date=day, ingestion_date=day, record_type="ORIGINAL", key_id=key, workspace_id=WORKSPACE,
                warehouse_id=warehouse, sku_name="SKU", product="SQL", usage_unit="DBU",
                usage_quantity=Decimal(quantity), dbu_rate=rate_of_day, effective_rate=rate_of_day, record_count=1,
            )  # fmt: skip
        cost = None
        if rate_of_day is not None:
            cost = sum((money(Decimal(each) * rate_of_day) for each in hours.values()), Decimal(0))
        self.insert(
            "daily_key_costs",
            usage_date=day, key_id=key, sku_name="SKU", usage_unit="DBU", usage_quantity=dbus, dbu_count=dbus,
            list_cost_usd=cost, cost_usd=cost, unpriced_quantity=0, record_count=1,
        )  # fmt: skip
        for hour, quantity in hours.items() if by_hour else ():
            self.insert(
                "hourly_costs",
                usage_date=day, usage_hour=hour, workspace_id=WORKSPACE, sku_name=f"SKU {self._keys}", product="SQL",
                usage_unit="DBU", warehouse_id=warehouse, usage_quantity=Decimal(quantity), dbu_rate=rate,
                effective_rate=rate, record_count=1,
            )  # fmt: skip

    def ran(self, hour: int, seconds: int = 3600, *, warehouse: str = WAREHOUSE, **more: Any) -> None:
        """Uptime of an hour."""
        row = {"usage_date": MONDAY, "cluster_seconds": seconds, "start_count": 0, "max_cluster_count": 1} | more
        self.insert(
            "warehouse_uptime",
            usage_hour=hour, workspace_id=WORKSPACE, warehouse_id=warehouse, running_seconds=seconds,
            connection="here", **row,
        )  # fmt: skip

    def busy(self, hour: int, milliseconds: int, *, warehouse: str = WAREHOUSE, **more: Any) -> None:
        """Time of an hour with at least one statement."""
        self.insert(
            "warehouse_queries",
            **({"usage_date": MONDAY} | more), usage_hour=hour, workspace_id=WORKSPACE, warehouse_id=warehouse,
            busy_ms=milliseconds, executions=1, connection="here",
        )  # fmt: skip

    def executed(
        self,
        hour: int,
        milliseconds: int,
        *,
        user: str | None = ADA,
        client: str | None = "Databricks SQL",
        own: bool = False,
        warehouse: str | None = WAREHOUSE,
        executions: int = 1,
    ) -> None:
        """Statements of somebody in an hour."""
        self.insert(
            "query_activity",
            usage_date=MONDAY, usage_hour=hour, workspace_id=WORKSPACE, warehouse_id=warehouse, executed_by=user,
            client_application=client, source_kind="other", is_costpulse=own, executions=executions,
            execution_ms=milliseconds, task_ms=7, read_bytes=100, failed_count=0, cached_count=0, connection="here",
        )  # fmt: skip

    def build(self, *days: date) -> None:
        for table in (QUERY_COSTS, WAREHOUSE_DAILY):
            build(self.database, table, list(days) or [MONDAY])

    def query(self, statement: str) -> list[dict[str, Any]]:
        with self.database.transaction() as connection:
            return connection.execute(statement.encode()).fetchall()

    def parts(self, column: str = "cost_usd") -> dict[str | None, Decimal | None]:
        """What each user has, and the rest under its kind."""
        return {
            row["executed_by"] if row["kind"] == "query" else row["kind"]: row[column]
            for row in self.query(f"select kind, executed_by, {column} from costpulse.query_costs")
        }

    def day(self) -> dict[str, Any]:
        """The only row of warehouse_daily."""
        (row,) = self.query("select * from costpulse.warehouse_daily")
        return row


def money(value: Decimal) -> Decimal:
    return value.quantize(Decimal("1e-18"))


@pytest.fixture
def books(database_url: str) -> Books:
    return Books(Database(database_url))


# Sharing


def test_the_busy_part_of_an_hour_is_shared_by_execution_time_and_the_rest_is_idle(books: Books) -> None:
    books.read()
    books.bill({9: "10"}, rate=Decimal(1))
    books.ran(9)
    books.busy(9, 30 * MINUTE)
    books.executed(9, 20 * MINUTE)
    books.executed(9, 10 * MINUTE, user=BOB)
    books.build()
    assert books.parts() == {
        ADA: Decimal("3.333333333333333333"),
        BOB: Decimal("1.666666666666666667"),
        "idle": Decimal(5),
    }
    assert books.parts("dbu_count") == books.parts()
    assert {row["cost_basis"] for row in books.query("select cost_basis from costpulse.query_costs")} == {"hour"}


def test_each_hour_is_shared_among_those_who_used_it(books: Books) -> None:
    books.read()
    books.bill({1: "1", 2: "100"}, rate=Decimal(1))
    for hour, user in ((1, ADA), (2, BOB)):
        books.ran(hour)
        books.busy(hour, HOUR)
        books.executed(hour, HOUR, user=user)
    books.build()
    assert books.parts() == {ADA: Decimal(1), BOB: Decimal(100), "idle": Decimal(0)}


def test_an_hour_without_a_statement_is_all_idle(books: Books) -> None:
    books.read()
    books.bill({1: "1", 2: "2"}, rate=Decimal(1))
    books.ran(1)
    books.ran(2)
    books.busy(1, HOUR)
    books.executed(1, HOUR)
    books.build()
    assert books.parts() == {ADA: Decimal(1), "idle": Decimal(2)}


def test_a_short_run_is_busy_against_the_seconds_it_ran(books: Books) -> None:
    books.read()
    books.bill({1: "8"}, rate=Decimal(1))
    books.ran(1, 600)
    books.busy(1, 150_000)
    books.executed(1, 150_000)
    books.build()
    assert books.parts() == {ADA: Decimal(2), "idle": Decimal(6)}


def test_where_uptime_is_not_known_the_hour_counts_in_full(books: Books) -> None:
    books.read()
    books.bill({1: "8"}, rate=Decimal(1))
    books.busy(1, 15 * MINUTE)
    books.executed(1, 15 * MINUTE)
    books.build()
    assert books.parts() == {ADA: Decimal(2), "idle": Decimal(6)}
    assert (books.day()["running_hours"], books.day()["idle_hours"]) == (None, None)


def test_a_warehouse_that_was_busy_for_longer_than_it_ran_was_not_idle(books: Books) -> None:
    books.read()
    books.bill({1: "8"}, rate=Decimal(1))
    books.ran(1, 60)
    books.busy(1, HOUR)
    books.executed(1, HOUR)
    books.build()
    assert books.parts() == {ADA: Decimal(8), "idle": Decimal(0)}
    assert books.day()["idle_hours"] == 0


@pytest.mark.parametrize("by_hour", ["missing", "another quantity", "another cost"])
def test_where_the_hours_do_not_add_up_to_the_bill_the_day_is_shared_as_a_whole(books: Books, by_hour: str) -> None:
    books.read()
    books.bill({1: "6", 2: "6"}, rate=Decimal(1), by_hour=by_hour != "missing")
    if by_hour == "another quantity":
        books.query("update costpulse.hourly_costs set usage_quantity = 5 where usage_hour = 1 returning 1")
    if by_hour == "another cost":
        books.query("update costpulse.hourly_costs set effective_rate = 1.5 where usage_hour = 1 returning 1")
    for hour, user in ((1, ADA), (2, BOB)):
        books.ran(hour)
        books.busy(hour, 30 * MINUTE)
        books.executed(hour, 30 * MINUTE * (1 if user == ADA else 2), user=user)
    books.build()
    assert books.parts() == {ADA: Decimal(2), BOB: Decimal(4), "idle": Decimal(6)}
    assert books.day()["cost_basis"] == "day"


def test_hours_that_differ_in_the_last_digits_only_still_serve_and_idle_takes_the_difference(books: Books) -> None:
    books.read()
    books.bill({1: "1"}, rate=Decimal(1), rounding="0.000000000000000003")
    books.ran(1)
    books.busy(1, HOUR)
    books.executed(1, HOUR)
    books.build()
    assert books.parts() == {ADA: Decimal(1), "idle": Decimal("0.000000000000000003")}
    assert books.day()["cost_basis"] == "hour"


def test_corrections_that_net_to_less_than_nothing_are_shared_as_well(books: Books) -> None:
    books.read()
    books.bill({1: "-3"}, rate=Decimal(1))
    books.ran(1)
    books.busy(1, 20 * MINUTE)
    books.executed(1, 20 * MINUTE)
    books.build()
    assert books.parts() == {ADA: Decimal(-1), "idle": Decimal(-2)}


def test_usage_without_a_price_is_shared_in_dbus_and_has_no_cost(books: Books) -> None:
    books.read()
    books.bill({1: "4"}, rate=None)
    books.ran(1)
    books.busy(1, HOUR)
    books.executed(1, HOUR)
    books.build()
    assert books.parts() == {ADA: None, "idle": None}
    assert books.parts("dbu_count") == {ADA: Decimal(4), "idle": Decimal(0)}


def test_statements_of_a_warehouse_without_a_bill_are_counted_and_have_no_cost(books: Books) -> None:
    books.read()
    books.ran(1)
    books.busy(1, MINUTE)
    books.executed(1, MINUTE, executions=3)
    books.build()
    assert books.parts() == {ADA: None, "idle": None}
    assert books.parts("executions") == {ADA: 3, "idle": 0}
    day = books.day()
    assert (day["cost_usd"], day["cost_basis"], day["executions"], day["running_hours"]) == (None, None, 3, 1)


def test_a_statement_that_took_no_time_is_counted_and_costs_nothing(books: Books) -> None:
    books.read()
    books.bill({1: "4"}, rate=Decimal(1))
    books.ran(1)
    books.busy(1, 0)
    books.executed(1, 0)
    books.build()
    assert books.parts() == {ADA: Decimal(0), "idle": Decimal(4)}


def test_without_the_query_history_nothing_is_called_idle(books: Books) -> None:
    books.read(connection="another region")
    books.known()
    books.bill({1: "4"}, rate=Decimal(1))
    books.ran(1)
    books.build()
    assert books.parts() == {"unknown": Decimal(4)}
    day = books.day()
    assert (day["cost_usd"], day["running_hours"]) == (4, 1)
    assert (day["idle_cost_usd"], day["idle_hours"], day["query_hours"], day["executions"]) == (None, None, None, None)


def test_statements_on_serverless_compute_belong_to_no_warehouse(books: Books) -> None:
    books.read()
    books.executed(1, MINUTE, warehouse=None)
    books.build()
    assert books.query("select * from costpulse.query_costs") == []


def test_a_warehouse_of_no_workspace_keeps_its_bill(books: Books) -> None:
    books.read()
    books.bill({1: "4"}, rate=Decimal(1))
    for table in ("hourly_costs", "cost_records"):
        books.query(f"update costpulse.{table} set workspace_id = null returning 1")
    with books.database.transaction() as connection:
        connection.execute("alter table costpulse.cost_keys disable trigger all")
        connection.execute("update costpulse.cost_keys set workspace_id = null")
        connection.execute("alter table costpulse.cost_keys enable trigger all")
    books.build()
    assert books.parts() == {"idle": Decimal(4)}
    assert books.day()["cost_usd"] == 4


def test_a_rebuilt_day_replaces_what_was_there(books: Books) -> None:
    books.read()
    books.bill({1: "4"}, rate=Decimal(1))
    books.build()
    books.busy(1, HOUR)
    books.executed(1, HOUR)
    books.build()
    assert books.parts() == {ADA: Decimal(4), "idle": Decimal(0)}


def test_parts_that_do_not_add_up_stop_the_day(books: Books) -> None:
    books.read()
    books.bill({1: "4"})
    with books.database.transaction() as connection:
        connection.execute(
            "create function costpulse.lose_a_cent() returns trigger language plpgsql as "
            "'begin new.cost_usd := new.cost_usd - 0.01; return new; end'"
        )
        for table in ("query_costs", "warehouse_daily"):
            connection.execute(
                f"create trigger lose_a_cent before insert on costpulse.{table} "
                "for each row execute function costpulse.lose_a_cent()".encode()
            )
    for table in (QUERY_COSTS, WAREHOUSE_DAILY):
        with pytest.raises(InvariantBroken):
            build(books.database, table, [MONDAY])
    assert books.query("select 1 from costpulse.query_costs") == []


minutes = st.integers(0, 60 * MINUTE)
users = st.sampled_from([ADA, BOB, None])
hour_of_use = st.fixed_dictionaries(
    {
        "dbus": st.one_of(st.none(), st.decimals("-5", "1000", places=18)),
        "running": st.one_of(st.none(), st.integers(0, 3600)),
        "busy": st.one_of(st.none(), minutes),
        "executed": st.lists(st.tuples(users, st.one_of(st.just(0), st.integers(1, 10**9))), max_size=4),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hours=st.dictionaries(st.integers(0, 23), hour_of_use, min_size=1, max_size=5),
    by_hour=st.booleans(),
    rate=st.one_of(st.none(), st.decimals("0", "3", places=6)),
)
def test_shares_are_exact_to_a_few_last_digits_and_add_up_to_all_of_them(
    books: Books, hours: dict[int, dict[str, Any]], by_hour: bool, rate: Decimal | None
) -> None:
    with books.database.transaction() as connection:
        connection.execute(
            "truncate costpulse.cost_keys, costpulse.cost_records, costpulse.daily_key_costs, "
            "costpulse.hourly_costs, costpulse.warehouse_uptime, costpulse.warehouse_queries, "
            "costpulse.query_activity, costpulse.collected_region_days"
        )
    books.read()
    billed = {hour: f"{use['dbus']:f}" for hour, use in hours.items() if use["dbus"] is not None}
    if billed:
        books.bill(billed, rate=rate, by_hour=by_hour)
    for hour, use in hours.items():
        if use["running"] is not None:
            books.ran(hour, use["running"])
        if use["busy"] is not None:
            books.busy(hour, use["busy"])
        for user, milliseconds in use["executed"]:
            books.executed(hour, milliseconds, user=user)

    books.build()  # the parts of each measure add up, or this raises

    expected = expected_shares(hours, by_hour=by_hour) if billed else {}
    for row in books.query("select * from costpulse.query_costs"):
        who = row["executed_by"] if row["kind"] == "query" else "idle"
        if billed:
            assert abs(Fraction(row["dbu_count"]) - expected[who]) < Fraction(1, 10**15)
        if not billed or rate is None:
            assert row["cost_usd"] is None
        else:
            assert abs(Fraction(row["cost_usd"]) - expected[who] * Fraction(rate)) < Fraction(1, 10**14)


def expected_shares(hours: dict[int, dict[str, Any]], *, by_hour: bool) -> dict[str | None, Fraction]:
    """DBUs of each user and of idle, by the rules of the product in plain fractions."""
    shares: defaultdict[str | None, Fraction] = defaultdict(Fraction)
    slots = [[use] for use in hours.values()] if by_hour else [list(hours.values())]
    for slot in slots:
        dbus = sum((Fraction(use["dbus"]) for use in slot if use["dbus"] is not None), Fraction(0))
        ran = [use for use in slot if use["running"] is not None or use["busy"] is not None]
        running = sum((use["running"] or 3600) * 1000 for use in ran)
        busy = sum(min(use["busy"] or 0, (use["running"] or 3600) * 1000) for use in ran)
        executed = [each for use in slot for each in use["executed"]]
        total = sum(milliseconds for _, milliseconds in executed)
        shared = dbus * Fraction(busy, running) if running and total else Fraction(0)
        for user, milliseconds in executed:
            shares[user] += shared * Fraction(milliseconds, total) if total else 0
        shares["idle"] += dbus - shared
    return shares


# Days


def test_a_day_of_a_warehouse_adds_its_hours_up(books: Books) -> None:
    books.read()
    books.bill({1: "4", 2: "4"})
    books.bill({1: "1"}, rate=Decimal(2))
    books.ran(1, 1800, start_count=1, cluster_seconds=3600, max_cluster_count=2)
    books.ran(2, 3600)
    books.busy(1, 45 * MINUTE)
    books.busy(2, 15 * MINUTE)
    books.executed(1, 45 * MINUTE, executions=2)
    books.executed(2, 15 * MINUTE, user=BOB)
    books.build()
    day = books.day()
    assert (day["running_hours"], day["cluster_hours"], day["start_count"]) == (Decimal("1.5"), 2, 1)
    # In the first hour it was busy for longer than it ran: nothing of that counts against the idle time of the other.
    assert (day["query_hours"], day["idle_hours"]) == (1, Decimal("0.75"))
    assert (day["executions"], day["users"], day["dbu_count"]) == (3, 2, 9)
    assert day["cost_usd"] == day["list_cost_usd"] == 8 * RATE + 2
    assert day["idle_cost_usd"] == Decimal("0.75") * 4 * RATE


# State


def info(books: Books, now: datetime, warehouse: str = WAREHOUSE) -> dict[str, Any]:
    rebuild_warehouse_info(books.database, now)
    (row,) = books.query(f"select * from costpulse.warehouse_info where warehouse_id = '{warehouse}'")
    return row


def test_a_warehouse_is_called_running_only_as_long_as_that_is_fresh(books: Books) -> None:
    books.known()
    books.read("warehouse_uptime")
    books.ran(10, still_running_at=at(11))
    row = info(books, at(11.5))
    assert (row["state"], row["state_as_of"], row["state_evidence"]) == ("running", at(11), "events")
    row = info(books, at(13.5))
    assert (row["state"], row["state_as_of"], row["state_evidence"]) == ("unknown", at(11), "none")


def test_a_warehouse_that_runs_no_more_is_stopped_if_events_were_read_lately(books: Books) -> None:
    books.known()
    assert info(books, at(12))["state"] == "unknown"
    books.read("warehouse_uptime")
    books.ran(8, still_running_at=at(9), usage_date=MONDAY - timedelta(days=1))
    books.ran(8)
    row = info(books, at(12))
    assert (row["state"], row["state_evidence"]) == ("stopped", "events")
    assert row["state_as_of"] is not None
    assert info(books, at(12, day=2))["state"] == "unknown"


def test_a_deleted_warehouse_is_deleted_whatever_its_events_say(books: Books) -> None:
    books.known(delete_time=at(9))
    books.read("warehouse_uptime")
    books.ran(10, still_running_at=at(11))
    row = info(books, at(11))
    assert (row["state"], row["state_as_of"], row["state_evidence"]) == ("deleted", at(9), "configuration")


def test_a_warehouse_known_from_the_bill_alone_is_listed_with_its_cost(books: Books) -> None:
    books.read()
    books.bill({1: "4"}, rate=Decimal(1))
    books.build()
    row = info(books, at(12))
    assert (row["state"], row["name"], row["total_cost_usd"]) == ("unknown", None, 4)


def test_use_and_cost_are_those_of_thirty_days(books: Books) -> None:
    books.known(name="BI", auto_stop_minutes=0, tags='{"team": "finance"}')
    earlier = MONDAY - timedelta(days=30)
    books.read()
    books.read(day=earlier)
    books.bill({1: "4"}, rate=Decimal(1))
    books.bill({1: "100"}, rate=Decimal(1), day=earlier)
    books.ran(1)
    books.busy(1, 15 * MINUTE, last_started_at=at(1))
    books.executed(1, 15 * MINUTE, executions=9)
    books.executed(1, 0, user=BOB)
    books.build(MONDAY, earlier)
    row = info(books, at(12))
    assert (row["name"], row["auto_stop_minutes"], row["tags"]) == ("BI", 0, {"team": "finance"})
    assert (row["total_cost_usd"], row["idle_cost_usd"], row["idle_hours"]) == (4, 3, Decimal("0.75"))
    assert (row["executions"], row["users"], row["last_query_at"]) == (10, 2, at(1))


# Our own cost


def test_the_idle_part_counts_as_our_own_cost_where_nobody_else_used_the_warehouse(books: Books) -> None:
    books.read()
    for warehouse in ("ours", "shared"):
        books.bill({1: "8"}, rate=Decimal(1), warehouse=warehouse)
        books.ran(1, warehouse=warehouse)
        books.busy(1, 30 * MINUTE, warehouse=warehouse)
        books.executed(1, 15 * MINUTE, own=True, warehouse=warehouse)
    books.executed(1, 15 * MINUTE, user=BOB, warehouse="shared")
    books.bill({1: "8"}, warehouse="another")
    books.build()
    rows = books.query(
        "select usage_date, warehouse_id, cost_usd, executions from costpulse.v_self_cost order by warehouse_id"
    )
    assert [tuple(row.values()) for row in rows] == [(MONDAY, "ours", 8, 1), (MONDAY, "shared", 2, 1)]
