"""Slices of runs and tasks by the day, and what the bill names runs for."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.collectors.billing_days import differences
from costpulse_assets.collectors.job_runs import CLUSTER_TASK_HOURS, JOB_RUN_DAYS, JOB_RUN_USAGE, JOB_TASK_DAYS
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.sql_files import load_sql
from tests.job_account import add_slice, add_task, collect, collect_usage, days_from
from tests.small_account import JOBS_SKU, MONDAY, SmallAccount, collect_days
from tests.small_clusters import query
from tests.warehouse_account import at

TUESDAY = MONDAY + timedelta(days=1)
BOTH = days_from(MONDAY, TUESDAY)


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        account.add_price("0.15")
        yield account


def rows_of(account: SmallAccount, statement: str, days: int = 2) -> list[dict[str, Any]]:
    """Rows of a statement for the days from MONDAY on, in order."""
    window = {"from_date": MONDAY, "to_date": MONDAY + timedelta(days=days - 1), "currency": "USD"}
    used = {name: value for name, value in window.items() if f":{name}" in load_sql(statement)}
    rows = account.fetch(load_sql(statement), used).read_all().to_pylist()
    return sorted(rows, key=lambda row: [str(value) for value in row.values()])


def runs(account: SmallAccount, days: int = 2) -> list[dict[str, Any]]:
    return rows_of(account, "collect/job_run_days", days)


def tasks(account: SmallAccount, days: int = 2) -> list[tuple[Any, ...]]:
    """(day, run, kind, compute, seconds) with days counted from MONDAY."""
    names = ("job_run_id", "compute_type", "compute_id", "task_seconds")
    return [
        ((row["usage_date"] - MONDAY).days, *(row[name] for name in names))
        for row in rows_of(account, "collect/job_task_days", days)
    ]


# Runs


def test_the_hour_slices_of_a_run_are_one_row_and_the_result_is_that_of_the_end_row(account):
    add_slice(account, at(1.5), at(2), run_duration_seconds=0)
    add_slice(account, at(2), at(3), run_duration_seconds=0)
    add_slice(
        account, at(3), at(3.25), "SUCCEEDED", termination_code="SUCCESS", run_duration_seconds=6300,
        queue_duration_seconds=4, setup_duration_seconds=60, execution_duration_seconds=6200,
        cleanup_duration_seconds=5,
    )  # fmt: skip
    (row,) = runs(account)
    assert (row["usage_date"], row["run_id"], row["job_id"]) == (MONDAY, "r1", "7")
    assert (row["first_start_at"], row["last_slice_end_at"], row["last_end_at"]) == (at(1.5), at(3.25), at(3.25))
    assert (row["slice_seconds"], row["end_rows"], row["previous_end_at"]) == (6300, 1, None)
    assert (row["result_state"], row["termination_code"]) == ("SUCCEEDED", "SUCCESS")
    assert (row["seconds_to_last_end"], row["seconds_to_previous_end"]) == (6300, 0)
    durations = [row[f"{name}_duration_seconds"] for name in ("run", "queue", "setup", "execution", "cleanup")]
    assert durations == [6300, 4, 60, 6200, 5]


def test_a_repair_adds_an_end_row_and_the_last_one_counts(account):
    add_slice(account, at(1), at(2))
    add_slice(account, at(2), at(2.5), "FAILED", termination_code="DRIVER_ERROR")
    add_slice(account, at(4), at(4.25), "SUCCEEDED", termination_code="SUCCESS")
    (row,) = runs(account)
    assert (row["end_rows"], row["result_state"], row["termination_code"]) == (2, "SUCCEEDED", "SUCCESS")
    assert (row["previous_end_at"], row["last_end_at"]) == (at(2.5), at(4.25))
    assert (row["slice_seconds"], row["seconds_to_previous_end"]) == (6300, 5400)


def test_of_two_end_rows_that_end_together_it_is_always_the_same_one_that_counts(account):
    for result in ("FAILED", "SUCCEEDED", "FAILED"):
        add_slice(account, at(1), at(2), result, termination_code=f"code of {result}")
    (row,) = runs(account)
    assert (row["end_rows"], row["previous_end_at"]) == (3, None)
    assert (row["result_state"], row["termination_code"]) == ("SUCCEEDED", "code of SUCCEEDED")


def test_a_run_without_an_end_row_has_no_result(account):
    add_slice(account, at(1), at(2))
    (row,) = runs(account)
    assert (row["end_rows"], row["result_state"], row["termination_code"], row["last_end_at"]) == (0, None, None, None)


def test_a_run_that_never_started_is_there_without_a_second(account):
    add_slice(account, at(1), at(1), "SKIPPED")
    (row,) = runs(account)
    assert (row["slice_seconds"], row["end_rows"], row["result_state"]) == (0, 1, "SKIPPED")


def test_a_slice_belongs_to_the_day_in_which_it_begins(account):
    add_slice(account, at(-0.5), at(0.5), run="before")
    add_slice(account, at(23.5), at(24.5))
    add_slice(account, at(24.5), at(25), "SUCCEEDED")
    found = [(row["usage_date"], row["run_id"], row["slice_seconds"], row["result_state"]) for row in runs(account)]
    assert found == [(MONDAY, "r1", 3600, None), (TUESDAY, "r1", 1800, "SUCCEEDED")]


def test_runs_of_one_id_in_two_workspaces_are_two_runs(account):
    add_slice(account, at(1), at(2), "SUCCEEDED")
    add_slice(account, at(1), at(2), "FAILED", workspace_id="2002")
    assert [row["result_state"] for row in runs(account)] == ["SUCCEEDED", "FAILED"]


def test_the_days_of_runs_are_replaced_as_a_whole(database, account):
    add_slice(account, at(1), at(2))
    add_slice(account, at(25), at(26), run="r2")
    assert collect(database, account, JOB_RUN_DAYS, BOTH) == 2
    account._connection.execute("delete from dbx_system.lakeflow.job_run_timeline where run_id = 'r1'")
    add_slice(account, at(3), at(4), "FAILED", run="r3", run_name='<b>x</b>, "y"\n')
    assert collect(database, account, JOB_RUN_DAYS, [MONDAY]) == 1
    rows = query(database, "select run_id, run_name, result_state, connection from costpulse.job_run_days order by 1")
    assert [tuple(row.values()) for row in rows] == [
        ("r2", None, None, "small account"),
        ("r3", '<b>x</b>, "y"\n', "FAILED", "small account"),
    ]


# Tasks


def test_tasks_on_one_compute_add_up_also_side_by_side(account):
    add_task(account, at(1), at(2), "c1")
    add_task(account, at(2), at(2.5), "c1")
    add_task(account, at(1), at(2), "c1", task="beside")
    add_task(account, at(1), at(1.25), "w1", task="sql")
    add_task(account, at(1), at(1.5), "c1", run="r2")
    assert tasks(account) == [
        (0, "r1", "cluster", "c1", 9000),
        (0, "r1", "warehouse", "w1", 900),
        (0, "r2", "cluster", "c1", 1800),
    ]


def test_a_task_counts_on_every_compute_it_names_and_once_where_it_names_one_twice(account):
    many = [f"c{number:02}" for number in range(40)]
    add_task(account, at(1), at(2), *many, "w1", "serverless", "c00")
    found = tasks(account)
    assert found == [
        *((0, "r1", "cluster", name, 3600) for name in many),
        (0, "r1", "serverless", "", 3600),
        (0, "r1", "warehouse", "w1", 3600),
    ]


def test_older_rows_name_their_compute_by_id_only(account):
    add_task(account, at(1), at(2), ids=["0101-123456-abcdefgh", "0123456789abcdef"])
    add_task(account, at(2), at(3), "c1", ids=["0101-123456-abcdefgh"], task="newer")
    add_task(account, at(3), at(4), ids=[], task="without")
    add_task(account, at(3), at(4), task="unknown")
    assert tasks(account) == [
        (0, "r1", "cluster", "0101-123456-abcdefgh", 3600),
        (0, "r1", "cluster", "c1", 3600),
        (0, "r1", "warehouse", "0123456789abcdef", 3600),
    ]


def test_a_task_slice_that_crosses_midnight_counts_on_both_days(account):
    add_task(account, at(-0.25), at(0.5), "c1")
    add_task(account, at(23.75), at(24.5), "c1", "c2")
    add_task(account, at(47.5), at(48), "c1")
    add_task(account, at(47.75), at(48.25), "c2")
    assert tasks(account) == [
        (0, "r1", "cluster", "c1", 2700),
        (0, "r1", "cluster", "c2", 900),
        (1, "r1", "cluster", "c1", 3600),
        (1, "r1", "cluster", "c2", 2700),
    ]


@settings(max_examples=30, deadline=None)
@given(
    slices=st.lists(
        st.tuples(st.integers(-7200, 3 * 86_400), st.integers(0, 3600)), min_size=1, max_size=20, unique=True
    )
)
def test_every_second_of_a_task_within_the_days_is_counted_once(slices: list[tuple[int, int]]) -> None:
    with SmallAccount() as account:
        for number, (start, length) in enumerate(slices):
            first = at(seconds=start)
            add_task(account, first, first + timedelta(seconds=length), "c1", task=f"t{number}")
        expected = [0, 0]
        for start, length in slices:
            for day in (0, 1):
                expected[day] += max(0, min(start + length, (day + 1) * 86_400) - max(start, day * 86_400))
        counted = [0, 0]
        for day, _, _, _, seconds in tasks(account):
            counted[day] += seconds
    assert counted == expected


def test_tasks_are_stored_with_serverless_as_an_empty_id(database, account):
    add_task(account, at(1), at(2), "serverless")
    add_task(account, at(1), at(2), "c1")
    collect(database, account, JOB_TASK_DAYS, BOTH)
    rows = query(database, "select compute_type, compute_id, task_seconds from costpulse.job_task_days order by 1")
    assert [tuple(row.values()) for row in rows] == [("cluster", "c1", 3600), ("serverless", "", 3600)]


# Hours of clusters with tasks


def hours(account: SmallAccount, *, days: int = 2, now: datetime | None = None) -> list[tuple[Any, ...]]:
    """(hours since MONDAY began, cluster, seconds, moment of the last task in hours since then), read long after."""
    window = {"from_date": MONDAY, "to_date": MONDAY + timedelta(days=days - 1), "now": now or at(day=300)}
    rows = account.fetch(load_sql("collect/cluster_task_hours"), window).read_all().to_pylist()
    return sorted(
        (
            24 * (row["usage_date"] - MONDAY).days + row["usage_hour"],
            row["cluster_id"],
            row["task_seconds"],
            (row["last_task_at"] - at(0)) / timedelta(hours=1),
        )
        for row in rows
    )


def test_tasks_side_by_side_on_a_cluster_count_once_in_each_hour(account):
    add_task(account, at(1), at(1.5), "c1")
    add_task(account, at(1.25), at(2), "c1", task="overlaps")
    add_task(account, at(1.3), at(1.4), "c1", task="within")
    add_task(account, at(2.5), at(2.75), "c1", run="r2")
    add_task(account, at(2.9), at(3), "c1", run="r2", task="after a pause")
    add_task(account, at(1), at(2), "c2", run="r3")
    assert hours(account) == [(1, "c1", 3600, 2), (1, "c2", 3600, 2), (2, "c1", 1260, 3)]


def test_a_slice_is_cut_at_every_hour_and_at_the_ends_of_the_window(account):
    add_task(account, at(-0.5), at(0.5), "c1")
    add_task(account, at(4.75), at(7.25), "c1", run="r2")
    add_task(account, at(47.5), at(48.5), "c1", run="r3")
    assert hours(account) == [
        (0, "c1", 1800, 0.5),
        (4, "c1", 900, 5),
        (5, "c1", 3600, 6),
        (6, "c1", 3600, 7),
        (7, "c1", 900, 7.25),
        (47, "c1", 1800, 48),
    ]


def test_a_task_keeps_every_cluster_it_names_busy_and_nothing_else(account):
    add_task(account, at(1), at(2), "c1", "c2", "w1", "serverless", "c1")
    add_task(account, at(3), at(4), ids=["0101-123456-abcdefgh", "0123456789abcdef"], run="r2")
    add_task(account, at(5), at(5), "c1", run="never started")
    add_task(account, at(6), at(7), run="without a compute")
    assert hours(account) == [(1, "c1", 3600, 2), (1, "c2", 3600, 2), (3, "0101-123456-abcdefgh", 3600, 4)]


def test_a_task_without_an_end_runs_until_it_is_read(account):
    add_task(account, at(8), at(9), "c1", result=None)
    add_task(account, at(9), at(10), "c1", result=None)
    add_task(account, at(8), at(9.5), "c2", run="ended")
    assert hours(account, now=at(11.75)) == [
        (8, "c1", 3600, 9),
        (8, "c2", 3600, 9),
        (9, "c1", 3600, 10),
        (9, "c2", 1800, 9.5),
        (10, "c1", 3600, 11),
        (11, "c1", 2700, 11.75),
    ]


def test_a_task_whose_end_the_source_lost_ends_with_its_last_slice(account):
    add_task(account, at(8), at(9), "c1", result=None)
    assert hours(account, now=at(12)) == [(8, "c1", 3600, 9)]


def test_a_task_that_ended_on_the_next_day_has_an_end(account):
    add_task(account, at(23), at(24), "c1", result=None)
    add_task(account, at(24), at(24.25), "c1")
    assert hours(account, days=1, now=at(25)) == [(23, "c1", 3600, 24)]


@settings(max_examples=30, deadline=None)
@given(
    slices=st.lists(
        st.tuples(st.integers(-7200, 3 * 86_400), st.integers(0, 3600)), min_size=1, max_size=20, unique=True
    )
)
def test_every_second_in_which_any_task_ran_is_counted_once(slices: list[tuple[int, int]]) -> None:
    with SmallAccount() as account:
        expected: dict[int, set[int]] = {}
        for number, (start, length) in enumerate(slices):
            add_task(account, at(seconds=start), at(seconds=start + length), "c1", task=f"t{number}")
            for second in range(max(start, 0), min(start + length, 2 * 86_400)):
                expected.setdefault(second // 3600, set()).add(second)
        found = hours(account)
    assert [(hour, seconds) for hour, _, seconds, _ in found] == [
        (hour, len(expected[hour])) for hour in sorted(expected)
    ]
    assert [round(last * 3600) for *_, last in found] == [max(expected[hour]) + 1 for hour in sorted(expected)]


def test_hours_with_tasks_are_replaced_as_a_whole(database, account):
    add_task(account, at(1), at(2), "c1")
    add_task(account, at(25), at(26), "c1", run="r2")
    assert collect(database, account, CLUSTER_TASK_HOURS, BOTH) == 2
    account._connection.execute("delete from dbx_system.lakeflow.job_task_run_timeline where job_run_id = 'r1'")
    assert collect(database, account, CLUSTER_TASK_HOURS, [MONDAY]) == 0
    rows = query(database, "select usage_date, usage_hour, task_seconds, connection from costpulse.cluster_task_hours")
    assert [tuple(row.values()) for row in rows] == [(TUESDAY, 1, 3600, "small account")]


# What the bill names runs for


def test_only_usage_that_names_a_run_is_taken_and_priced_as_in_cost_records(database, account):
    account.add_usage("10", job_id="7", job_run_id="r1", job_name="nightly", cluster_id="c")
    account.add_usage("5", job_id="7", job_run_id="r1", serverless=True, hour=9)
    account.add_usage("2", job_id="7", job_run_id="r1", sku="PREMIUM_NEW_THING")
    account.add_usage("100", job_id="7")
    account.add_usage("100", cluster_id="c", product="ALL_PURPOSE")
    collect_days(database, account, *BOTH)
    assert collect_usage(database, account, BOTH) == 3
    rows = query(
        database,
        "select run_id, job_id, job_name, sku_name, is_serverless, usage_quantity, cost_usd, list_cost_usd,"
        " record_count from costpulse.job_run_usage order by usage_quantity",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("r1", "7", None, "PREMIUM_NEW_THING", False, 2, None, None, 1),
        ("r1", "7", None, JOBS_SKU, True, 5, Decimal("0.75"), Decimal("0.75"), 1),
        ("r1", "7", "nightly", JOBS_SKU, False, 10, Decimal("1.5"), Decimal("1.5"), 1),
    ]
    assert differences(database, JOB_RUN_USAGE, BOTH) == []


def test_corrections_are_netted_and_what_nets_to_nothing_is_left_out(database, account):
    later = MONDAY + timedelta(days=6)
    for run, left in (("r1", "8"), ("r2", None)):
        account.add_usage("10", job_id="7", job_run_id=run)
        account.add_usage("-10", job_id="7", job_run_id=run, record_type="RETRACTION", ingested=later)
        if left:
            account.add_usage(left, job_id="7", job_run_id=run, record_type="RESTATEMENT", ingested=later)
    collect_days(database, account)
    collect_usage(database, account, [MONDAY])
    (row,) = query(database, "select run_id, usage_quantity, record_count from costpulse.job_run_usage")
    assert tuple(row.values()) == ("r1", 8, 3)
    assert differences(database, JOB_RUN_USAGE, [MONDAY]) == []


def test_a_price_that_changes_within_the_day_makes_two_rows(account):
    account.add_price("0.30", start=at(12))
    account.add_usage("1", job_id="7", job_run_id="r1", hour=11)
    account.add_usage("1", job_id="7", job_run_id="r1", hour=12)
    found = [row["dbu_rate"] for row in rows_of(account, "collect/job_run_usage")]
    assert found == [Decimal("0.15"), Decimal("0.3")]


def test_usage_that_cost_records_refuses_is_not_taken_either(database, account):
    account.add_usage("900000000000000", job_id="7", job_run_id="r1")
    account.add_usage(None, job_id="7", job_run_id="r1", run_as="bob@example.com")
    account.add_usage("1", job_id="7", job_run_id="r1", run_as="cy@example.com")
    collect_days(database, account)
    assert collect_usage(database, account, [MONDAY]) == 1
    assert differences(database, JOB_RUN_USAGE, [MONDAY]) == []


def test_more_than_the_bill_has_of_jobs_would_be_noticed(database, account):
    account.add_usage("10", job_id="7", job_run_id="r1")
    collect_days(database, account)
    collect_usage(database, account, [MONDAY])
    with database.transaction() as connection:
        connection.execute("update costpulse.job_run_usage set usage_quantity = usage_quantity + 0.000000000000000001")
    (found,) = differences(database, JOB_RUN_USAGE, [MONDAY])
    assert (found["sku_name"], found["recorded_quantity"]) == (JOBS_SKU, 10)


def test_a_day_that_changed_since_it_was_read_is_not_compared(database, account):
    account.add_usage("10", job_id="7", job_run_id="r1")
    collect_days(database, account)
    collect_usage(database, account, [MONDAY])
    account.add_usage("-4", job_id="7", job_run_id="r1", record_type="RETRACTION", ingested=TUESDAY)
    collect_days(database, account)
    assert differences(database, JOB_RUN_USAGE, [MONDAY]) == []
