"""Warehouses that idle, are too large, or are awake for nobody: what is said about them, and when nothing is."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.analysis.recommendation_run import find
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database, run
from tests.conftest import database as database_of_its_own

LAST = date(2026, 11, 22)
#: A Saturday.
FIRST = LAST - timedelta(days=29)
WORKSPACE = "1001"
RATE = Decimal("0.55")
AUTO_STOP, SIZE, WITHOUT = "warehouse_auto_stop", "warehouse_size", "warehouse_without_queries"
#: Seconds of a working hour, statements of an hour that is asked.
HOUR = 3600


@dataclass
class Books:
    """Hours of warehouses typed by hand, and the tables made from them as the pipeline does."""

    database: Database
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    days: set[date] = field(default_factory=set)
    unread: set[int] = field(default_factory=set)

    def insert(self, table: str, **row: Any) -> None:
        """A row that is written by `build`."""
        self.rows.setdefault(table, []).append(row)

    def warehouse(self, warehouse: str = "w1", **settings: Any) -> None:
        """A pro warehouse of 24 DBU/h that stops after ten minutes, if nothing else is said."""
        self.insert(
            "warehouses",
            **{
                "workspace_id": WORKSPACE, "warehouse_id": warehouse, "name": f"{warehouse}, named",
                "warehouse_type": "PRO", "warehouse_size": "MEDIUM", "min_clusters": 1, "max_clusters": 1,
                "auto_stop_minutes": 10, "owner": "ada@example.com", "connection": "here",
                "change_time": datetime(2026, 1, 1, tzinfo=UTC), "delete_time": None,
            } | settings,
        )  # fmt: skip

    def hour(
        self,
        day: int,
        hour: int,
        *,
        warehouse: str = "w1",
        running: int = HOUR,
        busy: float = 0,
        statements: int = 0,
        last: int | None = None,
        starts: int = 0,
        clusters: int = 1,
        dbus: str = "24",
        billed: bool = True,
        ours: bool = False,
    ) -> None:
        """An hour it ran: seconds running and busy, statements, and the second of the hour the last one came in."""
        usage_date = FIRST + timedelta(days=day)
        self.days.add(usage_date)
        at = {
            "usage_date": usage_date, "usage_hour": hour, "workspace_id": WORKSPACE, "warehouse_id": warehouse,
        }  # fmt: skip
        if running:
            self.insert(
                "warehouse_uptime", **at, running_seconds=running, cluster_seconds=running * clusters,
                start_count=starts, max_cluster_count=clusters, connection="here",
            )  # fmt: skip
        if statements or busy:
            moment = datetime.combine(usage_date, time(hour), UTC) + timedelta(seconds=last or 0)
            self.insert(
                "warehouse_queries", **at, busy_ms=int(busy * 1000), executions=statements,
                last_started_at=moment if statements else None, connection="here",
            )  # fmt: skip
            self.insert(
                "query_activity", **at, executed_by="ada@example.com", source_kind="other", is_costpulse=ours,
                executions=statements, execution_ms=int(busy * 1000), task_ms=0, read_bytes=0, failed_count=0,
                cached_count=0, connection="here",
            )  # fmt: skip
        if billed:
            self.insert(
                "hourly_costs", **at, sku_name="SQL", product="SQL", usage_unit="DBU", dbu_rate=RATE,
                usage_quantity=round(Decimal(dbus) * clusters * running / HOUR, 12), effective_rate=RATE,
                record_count=1,
            )  # fmt: skip

    def build(self) -> None:
        """Write what was typed, the bill that its hours add up to, and the days of warehouses."""
        with self.database.writing() as connection:
            connection.execute(_EMPTY)
            for table, rows in self.rows.items():
                names = ", ".join(rows[0])
                values = ", ".join(f"%({name})s" for name in rows[0])
                with connection.cursor() as cursor:
                    cursor.executemany(f"insert into costpulse.{table} ({names}) values ({values})".encode(), rows)
            connection.execute(_BILL)
            connection.execute(
                "insert into costpulse.collected_region_days (source, connection, usage_date, row_count, is_settled) "
                "select 'query_activity', 'here', d, 0, true from unnest(%s::date[]) as d",
                [sorted(self.days - {FIRST + timedelta(days=day) for day in self.unread})],
            )
            for table in ("query_costs", "warehouse_daily"):
                run(connection, f"transform/{table}", {"days": sorted(self.days)})


_EMPTY = """
truncate
    costpulse.warehouses, costpulse.warehouse_uptime, costpulse.warehouse_queries, costpulse.query_activity,
    costpulse.hourly_costs, costpulse.cost_keys, costpulse.cost_records, costpulse.daily_key_costs,
    costpulse.query_costs, costpulse.warehouse_daily, costpulse.collected_region_days
"""

#: The bill by the day is what the hours add up to: one key per warehouse.
_BILL = """
insert into costpulse.cost_keys (key_id, workspace_id, product, warehouse_id, first_usage_date, last_usage_date)
select md5(h.warehouse_id)::uuid, h.workspace_id, 'SQL', h.warehouse_id, min(h.usage_date), max(h.usage_date)
from costpulse.hourly_costs as h
group by h.workspace_id, h.warehouse_id;
insert into costpulse.cost_records (
    usage_date, ingestion_date, record_type, key_id, workspace_id, sku_name, product, usage_unit, usage_quantity,
    dbu_rate, effective_rate, warehouse_id, record_count
)
select
    h.usage_date, h.usage_date, 'ORIGINAL', md5(h.warehouse_id)::uuid, h.workspace_id, 'SQL', 'SQL', 'DBU',
    h.usage_quantity, h.dbu_rate, h.effective_rate, h.warehouse_id, 1
from costpulse.hourly_costs as h;
insert into costpulse.daily_key_costs (
    usage_date, key_id, sku_name, usage_unit, usage_quantity, dbu_count, list_cost_usd, cost_usd, unpriced_quantity,
    record_count
)
select
    r.usage_date, r.key_id, 'SQL', 'DBU', sum(r.usage_quantity), sum(r.dbu_count), sum(r.list_cost_usd),
    sum(r.cost_usd), 0, count(*)
from costpulse.cost_records as r
group by r.usage_date, r.key_id;
"""


@pytest.fixture(scope="module")
def emptied(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """One database for all tests of this file; each begins with empty tables."""
    with database_of_its_own(postgres_server, template=migrated_template) as url:
        yield Database(url)


@pytest.fixture
def books(emptied: Database) -> Books:
    """Empty ones."""
    return Books(emptied)


def said(books: Books, *types: str, thresholds: dict[str, dict[str, Decimal]] | None = None) -> list[dict[str, Any]]:
    """What these types find, the largest saving first."""
    chosen = [RECOMMENDATION_TYPES[name] for name in types or (AUTO_STOP, SIZE, WITHOUT)]
    with books.database.transaction() as connection:
        find(connection, chosen, Period(FIRST, LAST), thresholds, today=LAST + timedelta(days=2))
        return connection.execute("select * from found_recommendations order by saving_usd desc, type").fetchall()


def others_ask(books: Books) -> None:
    """Somebody asks another warehouse, so that the workspace's statements are known to be read."""
    books.warehouse("busy")
    books.hour(0, 9, warehouse="busy", busy=3500, statements=20, last=3400)


def a_day_of(books: Books, day: int, *, idle_hours: int, warehouse: str = "w1", **more: Any) -> None:
    """Statements until 08:59:59 and then this many hours awake without one, the last one stopping in time."""
    books.hour(day, 8, warehouse=warehouse, busy=3599, statements=9, last=3590, starts=1, **more)
    for hour in range(9, 9 + idle_hours):
        books.hour(day, hour, warehouse=warehouse, **more)


# --- auto-stop


def test_a_long_auto_stop_costs_each_time_what_lies_beyond_the_recommended_minutes(books: Books) -> None:
    books.warehouse(auto_stop_minutes=120)
    for day in range(10):
        a_day_of(books, day, idle_hours=2)
    books.build()
    (found,) = said(books)
    # Ten times 120 - 30 minutes at 24 DBU/h, exactly.
    assert found["saving_usd"] == 10 * Decimal("1.5") * 24 * RATE
    assert found["resource_cost_usd"] == 30 * 24 * RATE
    assert (found["setting"], found["setting_from"], found["setting_to"]) == ("auto_stop_minutes", "120", "30")
    assert found["title"] == 'Stop "w1, named" after 30 idle minutes instead of 120'
    assert found["calculation"] == "15.00 h beyond 30 idle minutes x 13.2000 USD/h = 198.00 USD"
    assert found["confidence"] == "high"
    address, body = found["command"].split(" ", 2)[1:]
    assert address == "/api/2.0/sql/warehouses/w1/edit"
    assert json.loads(body)["auto_stop_mins"] == 30
    assert json.loads(body)["cluster_size"] == "Medium"


def test_every_figure_of_the_evidence_is_declared_and_the_other_way_round(books: Books) -> None:
    books.warehouse(auto_stop_minutes=0, warehouse_size="2X_LARGE")
    for day in range(12):
        books.hour(day, 8, busy=60, statements=30, last=3590, dbus="144")
        for hour in range(9, 17):
            books.hour(day, hour, dbus="144")
    books.build()
    rows = {row["type"]: row for row in said(books)}
    assert set(rows) == {AUTO_STOP, SIZE, WITHOUT}
    for name, row in rows.items():
        assert set(row["evidence"]) == set(RECOMMENDATION_TYPES[name].evidence)
        assert all(value is not None for value in row["evidence"].values())


def test_serverless_may_wait_ten_minutes_and_pro_thirty(books: Books) -> None:
    books.warehouse("pro", auto_stop_minutes=30)
    books.warehouse("serverless", auto_stop_minutes=30, warehouse_type="SERVERLESS")
    books.warehouse("short", auto_stop_minutes=10, warehouse_type="SERVERLESS")
    for warehouse in ("pro", "serverless", "short"):
        for day in range(5):
            books.hour(day, 8, warehouse=warehouse, busy=3599, statements=9, last=3590, starts=1)
            books.hour(day, 9, warehouse=warehouse, running=1800)
    books.build()
    (found,) = said(books)
    assert found["resource_id"] == "serverless"
    assert found["saving_usd"] == 5 * 8 * RATE


def test_the_end_of_an_hour_with_statements_counts_from_the_last_one_on(books: Books) -> None:
    books.warehouse(auto_stop_minutes=60)
    for day in range(4):
        # Asked for the last time at 08:20, busy for five minutes in all, so idle from 08:25 at the latest.
        books.hour(day, 8, busy=300, statements=3, last=1200, starts=1)
        books.hour(day, 9, running=1500)
    books.build()
    (found,) = said(books)
    assert found["evidence"]["avoidable_hours"] == pytest.approx(4 * 0.5)
    assert found["saving_usd"] == 4 * 12 * RATE


def test_a_statement_that_runs_into_the_next_hour_is_followed_by_idle_time(books: Books) -> None:
    books.warehouse(auto_stop_minutes=120)
    for day in range(4):
        books.hour(day, 8, busy=3599, statements=3, last=3590, starts=1)
        books.hour(day, 9, busy=600)
        books.hour(day, 10, running=1200)
    books.build()
    (found,) = said(books)
    # From 09:10 to 10:20, less half an hour.
    assert found["saving_usd"] == pytest.approx(4 * 24 * RATE * 40 / 60)


def test_an_hour_with_several_starts_tells_nothing_about_idle_ends(books: Books) -> None:
    books.warehouse(auto_stop_minutes=60)
    for day in range(10):
        books.hour(day, 8, running=3000, busy=60, statements=3, last=60, starts=2)
    books.build()
    assert said(books) == []


def test_several_clusters_of_a_busy_hour_are_not_taken_for_idle_ones(books: Books) -> None:
    books.warehouse(auto_stop_minutes=120, max_clusters=4)
    for day in range(4):
        books.hour(day, 8, busy=60, statements=9, last=0, starts=1, clusters=4)
        books.hour(day, 9)
    books.build()
    (found,) = said(books)
    # 59 + 60 - 30 minutes on one cluster, although the first hour is billed for four.
    assert found["saving_usd"] == pytest.approx(4 * 24 * RATE * 89 / 60)


def test_of_a_stretch_no_more_counts_than_the_present_auto_stop_allows(books: Books) -> None:
    books.warehouse(auto_stop_minutes=120)
    for day in range(3):
        a_day_of(books, day, idle_hours=9)
    books.build()
    found = said(books, AUTO_STOP)[0]
    assert found["saving_usd"] == 3 * Decimal("1.5") * 24 * RATE
    assert found["confidence"] == "low"
    assert "session" in found["confidence_reason"]


def test_an_unknown_or_sensible_auto_stop_is_left_alone(books: Books) -> None:
    books.warehouse("unknown", auto_stop_minutes=None)
    books.warehouse("sensible", auto_stop_minutes=30)
    books.warehouse("of no type", auto_stop_minutes=0, warehouse_type=None)
    for warehouse in ("unknown", "sensible", "of no type"):
        for day in range(5):
            a_day_of(books, day, idle_hours=3, warehouse=warehouse)
    books.build()
    assert said(books) == []


def test_a_shorter_day_of_known_use_is_never_scaled_up(books: Books) -> None:
    """A warehouse that runs twice a month saves what it idled away on those two days."""
    books.warehouse(auto_stop_minutes=120)
    for day in (3, 17):
        a_day_of(books, day, idle_hours=2)
    books.build()
    (found,) = said(books)
    assert found["saving_usd"] == 2 * Decimal("1.5") * 24 * RATE


def test_without_hours_in_the_bill_the_day_is_shared_by_time(books: Books) -> None:
    books.warehouse(auto_stop_minutes=120)
    a_day_of(books, 0, idle_hours=2)
    books.build()
    with books.database.writing() as connection:
        connection.execute("delete from costpulse.hourly_costs")
        connection.execute("delete from costpulse.query_costs")
        connection.execute("delete from costpulse.warehouse_daily")
        for table in ("query_costs", "warehouse_daily"):
            run(connection, f"transform/{table}", {"days": sorted(books.days)})
    (found,) = said(books)
    assert found["saving_usd"] == pytest.approx(Decimal("1.5") * 24 * RATE)


# --- what is not known


@pytest.mark.parametrize("kind", [AUTO_STOP, SIZE, WITHOUT])
def test_nothing_is_said_where_the_query_history_was_not_read(books: Books, kind: str) -> None:
    books.warehouse(auto_stop_minutes=0, warehouse_size="2X_LARGE")
    for day in range(10):
        for hour in range(24):
            books.hour(day, hour, dbus="144")
    books.unread = set(range(30))
    others_ask(books)
    books.build()
    assert said(books, kind) == []


@pytest.mark.parametrize("kind", [AUTO_STOP, WITHOUT])
def test_nothing_is_said_where_only_our_own_statements_are_in_the_history(books: Books, kind: str) -> None:
    books.warehouse(auto_stop_minutes=0)
    books.warehouse("CostPulse", warehouse_size="2X_SMALL", warehouse_type="SERVERLESS")
    for day in range(10):
        for hour in range(24):
            books.hour(day, hour)
        books.hour(day, 6, warehouse="CostPulse", running=400, busy=300, statements=90, last=250, starts=1, ours=True)
    books.build()
    assert said(books, kind) == []
    # With a single statement of somebody else the history is known to be more than ours.
    with books.database.writing() as connection:
        connection.execute("update costpulse.query_costs set is_costpulse = false where is_costpulse")
    assert [row["resource_id"] for row in said(books, kind)] == ["w1"]


def test_days_that_were_not_read_count_as_busy_and_lower_the_confidence(books: Books) -> None:
    books.warehouse(auto_stop_minutes=0)
    others_ask(books)
    for day in range(10):
        for hour in range(24):
            books.hour(day, hour)
    books.unread = {4}
    books.build()
    rows = {row["type"]: row for row in said(books)}
    assert rows[AUTO_STOP]["saving_usd"] == (9 * 24 - 2 * Decimal("0.5")) * 24 * RATE
    assert rows[WITHOUT]["saving_usd"] == (9 * 24 - 2) * 24 * RATE
    assert {row["confidence"] for row in rows.values()} == {"medium"}
    assert {row["evidence"]["unread_days"] for row in rows.values()} == {1}


def test_a_deleted_warehouse_is_not_spoken_of(books: Books) -> None:
    books.warehouse(auto_stop_minutes=0, delete_time=datetime(2026, 11, 23, 9, tzinfo=UTC))
    others_ask(books)
    for day in range(30):
        for hour in range(24):
            books.hour(day, hour)
    books.build()
    assert said(books) == []


def test_provisional_days_are_never_read(books: Books) -> None:
    books.warehouse(auto_stop_minutes=0)
    others_ask(books)
    for day in (-3, -2, -1, 30, 31):
        for hour in range(24):
            books.hour(day, hour)
    books.build()
    assert said(books) == []


def test_a_renamed_warehouse_goes_by_its_present_name_and_a_nameless_one_by_its_id(books: Books) -> None:
    books.warehouse("w1", name='of "new" <b>name</b>', auto_stop_minutes=120)
    books.warehouse("w2", name=None, auto_stop_minutes=120)
    for warehouse in ("w1", "w2"):
        a_day_of(books, 0, idle_hours=2, warehouse=warehouse)
    books.build()
    assert {row["resource_name"] for row in said(books)} == {'of "new" <b>name</b>', "w2"}
    for row in said(books):
        assert json.loads(row["command"].split(" ", 2)[2])["auto_stop_mins"] == 30


def test_a_warehouse_without_a_bill_saves_nothing(books: Books) -> None:
    books.warehouse(auto_stop_minutes=0)
    others_ask(books)
    for day in range(10):
        for hour in range(24):
            books.hour(day, hour, billed=False)
    books.build()
    assert said(books) == []


# --- awake without a statement


def test_quiet_nights_save_all_but_the_first_hour_of_each(books: Books) -> None:
    books.warehouse(auto_stop_minutes=0)
    for day in range(5):
        for hour in range(24):
            asked = 8 <= hour < 18
            books.hour(day, hour, busy=3500 if asked else 0, statements=9 if asked else 0, last=3500 if asked else None)
    books.build()
    (found,) = said(books, WITHOUT)
    # 8 hours before the first day, 14 in each of four nights, 6 after the last one.
    assert found["saving_usd"] == (7 + 4 * 13 + 5) * 24 * RATE
    assert found["evidence"]["quiet_stretches"] == 6
    assert (found["setting"], found["setting_from"], found["setting_to"]) == ("auto_stop_minutes", "0", "30")
    assert found["confidence"] == "high"
    assert found["command"] == "POST /api/2.0/sql/warehouses/w1/stop"


def test_a_warehouse_that_nobody_ever_asks_is_to_be_stopped_for_good(books: Books) -> None:
    books.warehouse(auto_stop_minutes=0)
    others_ask(books)
    for day in range(30):
        for hour in range(24):
            books.hour(day, hour)
    books.build()
    (found,) = said(books, WITHOUT)
    assert found["title"] == 'Stop "w1, named" for good: awake for 720 hours, no statement'
    assert found["saving_usd"] == 719 * 24 * RATE < found["resource_cost_usd"]
    assert found["confidence"] == "medium"


def test_something_unseen_that_keeps_a_warehouse_awake_is_named_and_no_setting(books: Books) -> None:
    books.warehouse(auto_stop_minutes=10)
    for day in range(5):
        a_day_of(books, day, idle_hours=6)
    books.build()
    (found,) = said(books, AUTO_STOP, WITHOUT)
    assert (found["type"], found["setting"], found["confidence"]) == (WITHOUT, None, "medium")
    assert "keeps it awake" in found["confidence_reason"]
    assert found["saving_usd"] == 5 * 5 * 24 * RATE


@pytest.mark.parametrize(("idle_hours", "days"), [(3, 20), (12, 2)])
def test_short_or_rare_quiet_times_are_not_worth_a_word(books: Books, idle_hours: int, days: int) -> None:
    books.warehouse(auto_stop_minutes=10)
    for day in range(days):
        a_day_of(books, day, idle_hours=idle_hours)
    books.build()
    assert said(books, WITHOUT) == []


# --- size


def asked_a_little(
    books: Books, size: str, dbus: str, *, busy: float = 90, statements: int = 30, days: Iterable[int] = range(12),
    warehouse: str = "w1", clusters: int = 1, **settings: Any,
) -> None:  # fmt: skip
    """Two hours a day with a few statements of three seconds."""
    books.warehouse(warehouse, warehouse_size=size, **settings)
    for day in days:
        for hour in (8, 9):
            books.hour(
                day, hour, warehouse=warehouse, busy=busy, statements=statements, last=3500, dbus=dbus,
                clusters=clusters, starts=int(hour == 8),
            )  # fmt: skip


def test_two_sizes_down_save_of_the_time_without_a_statement_only(books: Books) -> None:
    asked_a_little(books, "2X_LARGE", "144", busy=45)
    books.build()
    (found,) = said(books, SIZE)
    idle = 24 * 144 * RATE * Decimal(HOUR - 45) / HOUR
    assert found["saving_usd"] == pytest.approx(idle * (144 - 40) / 144)
    assert (found["setting_from"], found["setting_to"]) == ("2X_LARGE", "LARGE")
    assert found["title"] == 'Make "w1, named" two sizes smaller: Large'
    assert found["confidence"] == "high"
    body = json.loads(found["command"].split(" ", 2)[2])
    assert (body["cluster_size"], body["auto_stop_mins"], body["warehouse_type"]) == ("Large", 10, "PRO")


def test_one_size_down_where_two_would_fill_too_much_of_its_time(books: Books) -> None:
    # 8 percent busy: twice as slow is 14.4 percent, 3.6 times as slow 28.8.
    asked_a_little(books, "2X_LARGE", "144", busy=288)
    books.build()
    (found,) = said(books, SIZE)
    assert (found["setting_to"], found["confidence"]) == ("X_LARGE", "medium")
    idle = 24 * 144 * RATE * Decimal(HOUR - 288) / HOUR
    assert found["saving_usd"] == pytest.approx(idle * (144 - 80) / 144)


@pytest.mark.parametrize(
    "given",
    [
        {"busy": 1000},
        {"size": "SMALL", "dbus": "12"},
        {"clusters": 2, "max_clusters": 2},
        {"days": range(4)},
        {"statements": 1},
        {"size": "5X_LARGE", "dbus": "1000"},
        {"dbus": "40"},
        {"change_time": datetime(2026, 11, 20, tzinfo=UTC)},
        {"delete_time": datetime(2026, 11, 23, tzinfo=UTC)},
    ],
    ids=[
        "busy", "small", "several clusters", "four days", "few statements", "unknown size", "another rate in the bill",
        "changed the other day", "deleted yesterday",
    ],
)  # fmt: skip
def test_a_size_is_left_alone_where_it_may_be_needed_or_is_not_known(books: Books, given: dict[str, Any]) -> None:
    asked_a_little(books, given.pop("size", "2X_LARGE"), given.pop("dbus", "144"), **given)
    books.build()
    assert said(books, SIZE) == []


def test_clusters_that_are_allowed_and_never_used_change_nothing(books: Books) -> None:
    asked_a_little(books, "2X_LARGE", "144", max_clusters=20)
    books.build()
    (found,) = said(books, SIZE)
    assert found["setting"] == "warehouse_size"


def test_a_few_long_statements_among_many_short_ones_keep_the_size(books: Books) -> None:
    asked_a_little(books, "2X_LARGE", "144", busy=20)
    for day in range(0, 12, 3):
        books.hour(day, 12, busy=600, statements=1, last=0, dbus="144", starts=1)
    books.build()
    assert said(books, SIZE) == []


def test_a_size_that_was_changed_is_judged_by_the_days_since(books: Books) -> None:
    asked_a_little(books, "LARGE", "40", change_time=datetime(2026, 11, 3, 15, tzinfo=UTC), days=range(11, 21))
    for day in range(8):
        books.hour(day, 8, busy=90, statements=30, last=3500, dbus="144", starts=1)
    books.build()
    (found,) = said(books, SIZE)
    assert found["evidence"]["days"] == 10
    assert found["saving_usd"] == pytest.approx(20 * 40 * RATE * Decimal(HOUR - 90) / HOUR * (40 - 12) / 40)


def test_our_own_warehouse_is_never_spoken_of(books: Books) -> None:
    books.warehouse("CostPulse", warehouse_size="2X_SMALL", warehouse_type="SERVERLESS", auto_stop_minutes=5)
    others_ask(books)
    for day in range(30):
        for hour in (0, 6, 12, 18):
            books.hour(
                day, hour, warehouse="CostPulse", running=430, busy=120, statements=90, last=100, starts=1, dbus="4",
                ours=True,
            )  # fmt: skip
    books.build()
    assert said(books) == []


def test_the_same_id_in_another_workspace_is_another_warehouse(books: Books) -> None:
    books.warehouse(auto_stop_minutes=120)
    books.insert(
        "warehouses",
        **books.rows["warehouses"][0] | {"workspace_id": "2002", "name": "of the others", "auto_stop_minutes": 0},
    )
    a_day_of(books, 0, idle_hours=2)
    books.build()
    (found,) = said(books)
    assert (found["workspace_id"], found["setting_from"]) == (WORKSPACE, "120")


# --- what holds for all hours


@st.composite
def _hours(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Hours of three days of one warehouse, in any state that can be."""
    hours = []
    for number in range(72):
        running = draw(st.sampled_from([0, 0, 600, HOUR, HOUR, HOUR]))
        if not running:
            continue
        statements = draw(st.integers(0, 3))
        hours.append(
            {
                "day": number // 24,
                "hour": number % 24,
                "running": running,
                "busy": draw(st.integers(1, running)) if statements else 0,
                "statements": statements,
                "last": draw(st.integers(0, 3599)) if statements else None,
                "starts": draw(st.integers(0, 2)),
                "clusters": draw(st.integers(1, 3)),
            }
        )
    return hours


@given(hours=_hours(), auto_stop=st.sampled_from([0, 45, 120, 600]))
@settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
def test_no_saving_is_larger_than_what_idle_time_costs(
    emptied: Database, hours: list[dict[str, Any]], auto_stop: int
) -> None:
    books = Books(emptied)
    books.warehouse(auto_stop_minutes=auto_stop, max_clusters=3)
    others_ask(books)
    for hour in hours:
        books.hour(hour.pop("day"), hour.pop("hour"), **hour)
    books.build()
    with emptied.transaction() as connection:
        (idle,) = connection.execute(
            "select sum(idle_cost_usd) as cost_usd from costpulse.warehouse_daily where warehouse_id = 'w1'"
        ).fetchall()
    for row in said(books, AUTO_STOP, WITHOUT):
        assert 0 < row["saving_usd"] <= idle["cost_usd"] + Decimal("1e-12")
        assert row["evidence"]["avoidable_hours"] <= row["evidence"]["running_hours"]
