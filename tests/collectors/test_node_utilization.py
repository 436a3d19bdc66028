"""Minutes of nodes become hours of clusters: what an hour says, what counts as idle, and how much gets smaller."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from costpulse_assets.resources.database import Database
from tests.small_account import MONDAY, SmallAccount
from tests.small_clusters import MIDNIGHT, add_minutes, collect_nodes, query

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOON = MIDNIGHT + 12 * HOUR


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        yield account


def idle_minutes(database: Database) -> dict[tuple[date, int], int]:
    """Idle minutes by day and hour, hours without any left out."""
    rows = query(
        database,
        "select usage_date, usage_hour, sum(idle_minutes) as minutes from costpulse.node_utilization "
        "group by 1, 2 having sum(idle_minutes) > 0",
    )
    return {(row["usage_date"], row["usage_hour"]): row["minutes"] for row in rows}


def test_an_hour_counts_minutes_nodes_and_readings_of_driver_and_workers_apart(database, account):
    add_minutes(account, NOON, 60, cpu=12.5, system=2.25, mem=50, wait=3, swap=0.5)
    for node in ("w1", "w2"):
        add_minutes(account, NOON, 20, node=node, cpu=100, mem=99.999)
        add_minutes(account, NOON + 20 * MINUTE, 10, node=node, cpu=4.99, mem=0)
    collect_nodes(database, account)
    driver, workers = query(database, "select * from costpulse.node_utilization order by is_driver desc")
    assert (driver["usage_date"], driver["usage_hour"], driver["node_type"]) == (MONDAY, 12, "m5.xlarge")
    assert (driver["node_minutes"], driver["node_count"]) == (60, 1)
    assert (driver["cpu_sum"], driver["mem_sum"], driver["io_wait_sum"], driver["swap_max"]) == (
        60 * 1475, 60 * 5000, 60 * 300, 50,
    )  # fmt: skip
    assert driver["cpu_minutes"] == "0 0 60" + " 0" * 17
    assert driver["mem_minutes"] == "0 " * 10 + "60" + " 0" * 9
    assert (workers["node_minutes"], workers["node_count"]) == (60, 2)
    assert workers["cpu_minutes"] == "20" + " 0" * 18 + " 40"
    assert workers["mem_minutes"] == "20" + " 0" * 18 + " 40"
    assert workers["cpu_sum"] == 40 * 10_000 + 20 * 499


def test_a_cluster_hour_is_carried_by_one_row_and_never_counted_twice(database, account):
    add_minutes(account, NOON, 30, node_type="m5.xlarge")
    add_minutes(account, NOON + 30 * MINUTE, 30, node_type="m5.2xlarge")  # restarted with another driver
    for node, kind in (("w1", "i3"), ("w2", "i3"), ("w3", None)):
        add_minutes(account, NOON + 5 * MINUTE, 40, node=node, node_type=kind)
    add_minutes(account, NOON + HOUR, 12, node="w1")  # no row of the driver in this hour
    assert collect_nodes(database, account) == 5
    rows = query(
        database,
        "select usage_hour, sum(up_minutes) as up, sum(node_minutes) as nodes, count(up_minutes) as carriers "
        "from costpulse.node_utilization group by 1 order by 1",
    )
    assert [tuple(row.values()) for row in rows] == [(12, 60, 180, 1), (13, 12, 12, 1)]


@pytest.mark.parametrize(("minutes", "idle"), [(30, {}), (31, {(MONDAY, 12): 31})])
def test_idle_is_a_stretch_of_more_than_thirty_quiet_minutes(database, account, minutes, idle):
    add_minutes(account, NOON - 10 * MINUTE, 10, cpu=60)
    add_minutes(account, NOON, minutes, cpu=3, system=1.99)
    add_minutes(account, NOON + minutes * MINUTE, 10, cpu=3, system=2)
    collect_nodes(database, account)
    assert idle_minutes(database) == idle


def test_a_quiet_stretch_crosses_hours(database, account):
    add_minutes(account, NOON - 16 * MINUTE, 32, cpu=1)
    collect_nodes(database, account)
    assert idle_minutes(database) == {(MONDAY, 11): 16, (MONDAY, 12): 16}


def test_a_quiet_stretch_crosses_midnight_whichever_day_is_collected(database, account):
    midnight = MIDNIGHT + DAY
    add_minutes(account, midnight - 16 * MINUTE, 32, cpu=1)
    for day, hour in ((MONDAY, 23), (MONDAY + DAY, 0)):
        collect_nodes(database, account, day)
        assert idle_minutes(database)[day, hour] == 16


def test_one_busy_worker_keeps_the_cluster_from_being_idle(database, account):
    add_minutes(account, NOON, 60, cpu=1)
    add_minutes(account, NOON, 60, node="w1", cpu=1)
    add_minutes(account, NOON + 30 * MINUTE, 1, node="w2", cpu=5)
    collect_nodes(database, account)
    assert idle_minutes(database) == {}


@pytest.mark.parametrize("cpu", [None, float("nan")])
def test_a_minute_without_a_reading_ends_a_stretch_and_counts_in_no_average(database, account, cpu):
    add_minutes(account, NOON, 30, cpu=1)
    add_minutes(account, NOON + 30 * MINUTE, 1, cpu=cpu, mem=cpu)
    add_minutes(account, NOON + 31 * MINUTE, 29, cpu=1)
    collect_nodes(database, account)
    assert idle_minutes(database) == {}
    (row,) = query(database, "select node_minutes, cpu_sum, mem_sum, cpu_minutes from costpulse.node_utilization")
    assert (row["node_minutes"], row["cpu_sum"], row["mem_sum"]) == (60, 59 * 100, 59 * 4000)
    assert row["cpu_minutes"] == "59" + " 0" * 19


def test_a_gap_ends_a_stretch(database, account):
    add_minutes(account, NOON, 30, cpu=1)
    add_minutes(account, NOON + 31 * MINUTE, 29, cpu=1)
    collect_nodes(database, account)
    assert idle_minutes(database) == {}


def test_the_last_minutes_of_an_hour_say_what_the_cluster_did(database, account):
    add_minutes(account, NOON, 10, cpu=80)
    add_minutes(account, NOON + 10 * MINUTE, 40, cpu=1)
    add_minutes(account, NOON + 50 * MINUTE, 5, cpu=80)
    collect_nodes(database, account)
    (row,) = query(database, "select last_up_at, last_idle_at, last_busy_at from costpulse.node_utilization")
    assert tuple(row.values()) == (NOON + 54 * MINUTE, NOON + 49 * MINUTE, NOON + 54 * MINUTE)


def test_a_day_is_the_same_alone_and_within_a_longer_window(database, account):
    for day in range(-2, 4):
        add_minutes(account, MIDNIGHT + day * DAY + 20 * HOUR, 9 * 60, cpu=1)
        add_minutes(account, MIDNIGHT + day * DAY + 22 * HOUR, 90, node="w1", cpu=30)
    shown = "select t::text from costpulse.node_utilization as t order by 1"
    collect_nodes(database, account, MONDAY, MONDAY + 2 * DAY)
    together = query(database, shown)
    assert idle_minutes(database)
    collect_nodes(database, account, MONDAY, MONDAY + 2 * DAY, chunk_days=1)
    assert query(database, shown) == together


def test_the_rows_of_short_lived_clusters_are_a_twentieth_of_their_minutes(database, account):
    """Most clusters live for less than an hour; a month's minutes must still come down to a twentieth of them."""
    account._connection.execute(
        "insert into dbx_system.compute.node_timeline (workspace_id, cluster_id, instance_id, start_time, driver, "
        "cpu_user_percent, cpu_system_percent, mem_used_percent, node_type) "
        "select '1001', 'c' || c, 'i' || c || '-' || n, ?::timestamptz + to_minutes((c * 97) % 43000 + m), n = 0, "
        "(c * 31 + m * 17 + n) % 90, 1, 40, 'm5' from range(400) as a (c), range(7) as b (n), range(90) as d (m) "
        "where n <= c % 7 and m < 12 + c % 79",
        [MIDNIGHT],
    )
    (counted,) = account.fetch("select count(*) as n from system.compute.node_timeline").read_all().to_pylist()
    minutes = counted["n"]
    rows = collect_nodes(database, account, MONDAY, MONDAY + 31 * DAY)
    assert minutes > 75_000
    assert rows * 20 < minutes
    assert query(database, "select sum(node_minutes) as n from costpulse.node_utilization") == [{"n": minutes}]
