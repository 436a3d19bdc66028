"""Warehouses and the hours they ran."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from costpulse_assets.collectors.regional import collect_days, collect_state
from costpulse_assets.collectors.warehouses import WAREHOUSE_UPTIME, WAREHOUSES
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.sql_files import load_sql
from tests.small_account import MONDAY, SmallAccount
from tests.warehouse_account import WAREHOUSE, WORKSPACE, add_event, add_run, add_warehouse, at

NOW = at(12, day=5)
IN_CLEAR = Identities(None)
LIFECYCLE = ("STARTING", "RUNNING", "SCALED_UP", "SCALED_DOWN", "STOPPING", "STOPPED")
RUNNING = ("RUNNING", "SCALED_UP", "SCALED_DOWN")


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        yield account


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


def uptime(account: SmallAccount, *, days: int = 1, now: datetime = NOW) -> list[dict[str, Any]]:
    """Rows of the days from MONDAY on, in order."""
    window = {"from_date": MONDAY, "to_date": MONDAY + timedelta(days=days - 1), "now": now}
    rows = account.fetch(load_sql("collect/warehouse_uptime"), window).read_all().to_pylist()
    return sorted(rows, key=lambda row: (row["usage_date"], row["usage_hour"], row["warehouse_id"]))


def seconds(rows: list[dict[str, Any]]) -> dict[tuple[int, int], int]:
    """Running seconds by day (counted from MONDAY) and hour."""
    return {((row["usage_date"] - MONDAY).days, row["usage_hour"]): row["running_seconds"] for row in rows}


def one_row(database: Database, statement: str) -> dict[str, Any]:
    with database.transaction() as connection:
        rows = connection.execute(statement.encode()).fetchall()
    assert len(rows) == 1
    return rows[0]


# What they are


def test_the_newest_version_of_a_warehouse_is_kept_and_its_earlier_names_are_remembered(
    account: SmallAccount, database: Database
) -> None:
    add_warehouse(account, "Trial", changed=at(day=-20), warehouse_size="LARGE")
    add_warehouse(account, "Trial", changed=at(day=-15))
    # another owner alone is no version worth reading
    add_warehouse(account, "Trial", changed=at(day=-12), created_by="bob@example.com")
    add_warehouse(account, "BI", changed=at(day=-9), auto_stop_minutes=0, tags={"b": "2", "a": "1"})

    assert collect_state(database, account, WAREHOUSES, IN_CLEAR) == 3

    row = one_row(database, "select * from costpulse.warehouses")
    assert (row["name"], row["warehouse_size"], row["auto_stop_minutes"]) == ("BI", "SMALL", 0)
    assert (row["tags"], row["owner"]) == ({"a": "1", "b": "2"}, "ada@example.com")
    assert (row["is_serverless"], row["connection"]) == (False, account.name)
    with database.transaction() as connection:
        names = connection.execute(
            "select name, valid_from from costpulse.resource_names where resource_type = 'warehouse' "
            "order by valid_from"
        ).fetchall()
    assert [(name["name"], name["valid_from"]) for name in names] == [
        ("Trial", at(day=-20).date()),
        ("BI", at(day=-9).date()),
    ]


def test_a_warehouse_that_was_deleted_or_is_not_listed_any_more_keeps_its_row(
    account: SmallAccount, database: Database
) -> None:
    add_warehouse(account, "Gone")
    add_warehouse(account, "Serverless", warehouse_id="wh-2", warehouse_type="SERVERLESS")
    collect_state(database, account, WAREHOUSES, IN_CLEAR)
    with SmallAccount() as later:
        add_warehouse(later, "Serverless", warehouse_id="wh-2", warehouse_type="SERVERLESS", delete_time=at(3))
        collect_state(database, later, WAREHOUSES, IN_CLEAR)

    gone = one_row(database, f"select name, delete_time from costpulse.warehouses where warehouse_id = '{WAREHOUSE}'")
    assert gone == {"name": "Gone", "delete_time": None}
    deleted = one_row(database, "select is_serverless, delete_time from costpulse.warehouses where name = 'Serverless'")
    assert deleted == {"is_serverless": True, "delete_time": at(3)}


def test_versions_of_the_same_moment_leave_one_row(account: SmallAccount, database: Database) -> None:
    add_warehouse(account, "A")
    add_warehouse(account, "A", warehouse_size="LARGE")
    collect_state(database, account, WAREHOUSES, IN_CLEAR)
    assert one_row(database, "select count(*) as n from costpulse.warehouses") == {"n": 1}


def test_the_owner_is_hashed_where_identities_are(account: SmallAccount, database: Database) -> None:
    add_warehouse(account)
    collect_state(database, account, WAREHOUSES, Identities(SecretStr("a key of sixteen")))
    owner = one_row(database, "select owner from costpulse.warehouses")["owner"]
    assert owner.endswith("@example.com")
    assert "ada" not in owner


# When they ran


def test_a_run_is_cut_at_every_hour_and_at_midnight(account: SmallAccount) -> None:
    add_run(account, at(22.5), at(25, seconds=90))
    rows = uptime(account, days=2)
    assert seconds(rows) == {(0, 22): 1800, (0, 23): 3600, (1, 0): 3600, (1, 1): 90}
    assert [row["start_count"] for row in rows] == [1, 0, 0, 0]
    assert {row["still_running_at"] for row in rows} == {None}


def test_the_state_before_the_window_is_carried_in_however_old_it_is(account: SmallAccount) -> None:
    add_run(account, at(day=-40), at(1.25))
    rows = uptime(account)
    assert seconds(rows) == {(0, 0): 3600, (0, 1): 900}
    assert sum(row["start_count"] for row in rows) == 0


def test_what_still_runs_ends_with_the_window_or_now_and_says_so(account: SmallAccount) -> None:
    add_event(account, "RUNNING", at(10))
    assert seconds(uptime(account)) == {(0, hour): 3600 for hour in range(10, 24)}
    assert {row["still_running_at"] for row in uptime(account)} == {None}

    rows = uptime(account, now=at(11.5))
    assert seconds(rows) == {(0, 10): 3600, (0, 11): 1800}
    assert rows[-1]["still_running_at"] == at(11.5)

    assert uptime(account, now=at(9)) == []


def test_a_deleted_warehouse_runs_no_longer(account: SmallAccount) -> None:
    add_event(account, "RUNNING", at(10))
    add_warehouse(account, delete_time=at(10.5))
    rows = uptime(account, now=at(11))
    assert seconds(rows) == {(0, 10): 1800}
    assert rows[0]["still_running_at"] is None


def test_events_of_one_moment_are_taken_in_the_order_of_a_life(account: SmallAccount) -> None:
    for kind in ("STOPPED", "STOPPING", "RUNNING", "STARTING"):
        add_event(account, kind, at(5))
    rows = uptime(account)
    assert [(row["usage_hour"], row["running_seconds"], row["start_count"]) for row in rows] == [(5, 0, 1)]


def test_running_events_that_follow_each_other_are_one_run(account: SmallAccount) -> None:
    add_event(account, "STARTING", at(1))
    add_event(account, "RUNNING", at(1))
    add_event(account, "RUNNING", at(1.25))
    add_event(account, "SCALED_UP", at(1.5), 3)
    add_event(account, "SCALED_DOWN", at(1.75), 2)
    add_event(account, "STOPPED", at(2), 0)
    assert [
        (row["running_seconds"], row["cluster_seconds"], row["start_count"], row["max_cluster_count"])
        for row in uptime(account)
    ] == [(3600, 1800 + 3 * 900 + 2 * 900, 1, 3)]


def test_without_a_cluster_nothing_runs_and_an_unknown_number_is_one(account: SmallAccount) -> None:
    add_event(account, "RUNNING", at(1), None)
    add_event(account, "SCALED_DOWN", at(1.5), 0)
    add_event(account, "SOMETHING_NEW", at(1.75), 5)
    add_event(account, "STOPPED", at(3), 0)
    assert [(row["running_seconds"], row["cluster_seconds"]) for row in uptime(account)] == [(1800, 1800)]


def test_a_day_that_is_read_again_loses_what_is_not_true_any_more(account: SmallAccount, database: Database) -> None:
    add_event(account, "RUNNING", at(1))

    def collect(now: datetime) -> dict[str, Any]:
        collect_days(
            database, account, WAREHOUSE_UPTIME, [MONDAY],
            identities=IN_CLEAR, now=now, settle_days=2, chunk_days=31,
        )  # fmt: skip
        return one_row(
            database,
            "select sum(running_seconds) as running, max(still_running_at) as still from costpulse.warehouse_uptime",
        )

    assert collect(at(3)) == {"running": 7200, "still": at(3)}
    add_event(account, "STOPPED", at(2), 0)
    assert collect(at(4)) == {"running": 3600, "still": None}


moments = st.integers(-90_000, 3 * 86_400).map(lambda second: at(seconds=second))
some_events = st.lists(
    st.tuples(st.sampled_from(LIFECYCLE), moments, st.integers(0, 3), st.sampled_from(["wh-1", "wh-2"])), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(events=some_events, now=st.integers(1, 4 * 86_400))
def test_the_hours_add_up_to_what_the_events_say(events: list[tuple[str, datetime, int, str]], now: int) -> None:
    end = min(at(day=2), at(seconds=now))
    expected: Counter[str] = Counter()
    for warehouse in ("wh-1", "wh-2"):
        ordered = sorted(
            (moment, LIFECYCLE.index(kind) if kind not in ("SCALED_UP", "SCALED_DOWN") else 2, kind, clusters)
            for kind, moment, clusters, name in events
            if name == warehouse and moment < end
        )
        for position, (moment, _, kind, clusters) in enumerate(ordered):
            if kind in RUNNING and clusters > 0:
                following = ordered[position + 1][0] if position + 1 < len(ordered) else end
                stretch = following - max(moment, at())
                length = max(int(stretch.total_seconds()), 0)
                expected[f"{warehouse} seconds"] += length
                expected[f"{warehouse} cluster seconds"] += length * clusters
    with SmallAccount() as account:
        for kind, moment, clusters, warehouse in events:
            add_event(account, kind, moment, clusters, warehouse=warehouse)
        rows = uptime(account, days=2, now=at(seconds=now))

    found: Counter[str] = Counter()
    for row in rows:
        assert 0 <= row["running_seconds"] <= 3600
        assert row["workspace_id"] == WORKSPACE
        found[f"{row['warehouse_id']} seconds"] += row["running_seconds"]
        found[f"{row['warehouse_id']} cluster seconds"] += row["cluster_seconds"]
    assert found == expected
