"""What clusters cost and did: cost to the last digit, hours never doubled, and no state without evidence."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.collectors.job_runs import CLUSTER_TASK_HOURS, JOB_TASK_DAYS
from costpulse_assets.errors import InvariantBroken
from costpulse_assets.resources.database import Database
from costpulse_assets.utilization.clusters import CLUSTER_DAILY, rebuild_cluster_info
from tests.dagster_instance import ephemeral_instance
from tests.job_account import add_task, collect
from tests.pipeline import Pipeline, pretend_today
from tests.small_account import MONDAY, SmallAccount, collect_days
from tests.small_clusters import (
    MIDNIGHT,
    add_cluster,
    add_minutes,
    build_cluster_days,
    build_days,
    collect_clusters,
    collect_nodes,
    query,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOON = MIDNIGHT + 12 * HOUR
ALL_PURPOSE = "PREMIUM_ALL_PURPOSE_COMPUTE"


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        account.add_price("0.55", sku=ALL_PURPOSE)
        account.add_price("0.55", sku=f"{ALL_PURPOSE}_(PHOTON)")
        yield account


def make_days(database, account, first=MONDAY, last=None, now=None):
    """Everything from the source to cluster_daily."""
    days = [first + number * DAY for number in range(((last or first) - first).days + 1)]
    collect_days(database, account, *days)
    collect_nodes(database, account, first, last)
    for tasks in (JOB_TASK_DAYS, CLUSTER_TASK_HOURS):
        collect(database, account, tasks, days, now=now)
    build_cluster_days(database, *days)


def add_task_of_hours(account, start, end, *, cluster="c1", ended=True, task="main"):
    """A task on a cluster, in slices of clock hours; without an end its last one says no result."""
    while start < end:
        until = min(end, start.replace(minute=0, second=0) + HOUR)
        add_task(account, start, until, cluster, task=task, result="SUCCEEDED" if ended and until == end else None)
        start = until


def make_info(database, account, now: datetime):
    """cluster_info as it is at that moment."""
    collect_clusters(database, account)
    rebuild_cluster_info(database, now)


def state_of(database: Database, cluster_id: str = "c1") -> tuple[str, str, datetime]:
    (row,) = query(
        database,
        "select state, state_evidence, state_as_of from costpulse.cluster_info where cluster_id = %s",
        cluster_id,
    )
    return row["state"], row["state_evidence"], row["state_as_of"]


# --- cluster_daily


def test_a_day_has_hours_utilization_and_cost_of_a_cluster_side_by_side(database, account):
    account.add_usage("10", sku=ALL_PURPOSE, cluster_id="c1")
    account.add_usage("2.5", sku=ALL_PURPOSE, cluster_id="c1", run_as="bob@example.com")
    add_minutes(account, NOON, 60, cpu=11, mem=30, wait=4, swap=1.5)
    for node in ("w1", "w2"):
        add_minutes(account, NOON, 38, node=node, cpu=42, mem=71)
        add_minutes(account, NOON + 38 * MINUTE, 2, node=node, cpu=98, mem=71)
    make_days(database, account)
    (row,) = query(database, "select * from costpulse.cluster_daily")
    assert (row["usage_date"], row["workspace_id"], row["cluster_id"]) == (MONDAY, "1001", "c1")
    assert (row["up_hours"], row["idle_hours"], row["task_hours"]) == (1, 0, None)
    assert (row["driver_node_hours"], row["worker_node_hours"]) == (1, Decimal("1.3333"))
    assert (row["driver_cpu_avg"], row["driver_cpu_p50"], row["driver_cpu_p95"]) == (11, 15, 15)
    assert (row["worker_cpu_avg"], row["worker_cpu_p50"], row["worker_cpu_p95"]) == (Decimal("44.80"), 45, 45)
    assert (row["worker_mem_avg"], row["worker_mem_p95"]) == (71, 75)
    assert (row["driver_io_wait_avg"], row["driver_swap_max"], row["worker_swap_max"]) == (4, Decimal("1.5"), 0)
    assert sum(row["worker_cpu_minutes"]) == sum(row["worker_mem_minutes"]) == 80
    assert row["worker_cpu_minutes"][8] == 76
    assert (row["dbu_count"], row["list_cost_usd"], row["cost_usd"]) == (Decimal("12.5"), 6.875, 6.875)
    assert row["is_photon"] is False


def test_cost_without_telemetry_and_telemetry_without_cost_each_keep_their_row(database, account):
    account.add_usage("1", sku=ALL_PURPOSE, cluster_id="billed only")
    account.add_usage("3", sku=ALL_PURPOSE, cluster_id="no workspace", workspace=None)
    account.add_usage("5", sku=ALL_PURPOSE)
    add_minutes(account, NOON, 30, cluster_id="seen only")
    make_days(database, account)
    rows = query(
        database,
        "select cluster_id, workspace_id, up_hours, dbu_count from costpulse.cluster_daily order by cluster_id",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("billed only", "1001", None, 1),
        ("no workspace", None, None, 3),
        ("seen only", "1001", Decimal("0.5"), None),
    ]


def test_one_cluster_id_in_two_workspaces_keeps_its_costs_apart(database, account):
    for workspace, quantity in (("1", "2"), ("2", "7")):
        account.add_usage(quantity, sku=ALL_PURPOSE, cluster_id="c1", workspace=workspace)
        add_minutes(account, NOON, 6 * int(workspace), workspace=workspace)
    make_days(database, account)
    rows = query(database, "select workspace_id, dbu_count, up_hours from costpulse.cluster_daily order by 1")
    assert [tuple(row.values()) for row in rows] == [("1", 2, Decimal("0.1")), ("2", 7, Decimal("0.2"))]


def test_usage_without_a_price_keeps_its_dbus_and_has_no_cost(database, account):
    account.add_usage("4", sku="PREMIUM_UNPRICED", cluster_id="c1")
    make_days(database, account)
    assert query(database, "select dbu_count, cost_usd, is_photon from costpulse.cluster_daily") == [
        {"dbu_count": Decimal(4), "cost_usd": None, "is_photon": False}
    ]


def test_photon_is_read_off_the_sku(database, account):
    account.add_usage("1", sku=f"{ALL_PURPOSE}_(PHOTON)", cluster_id="c1")
    account.add_usage("1", sku=ALL_PURPOSE, cluster_id="c2")
    make_days(database, account)
    make_info(database, account, NOON)
    assert query(database, "select cluster_id, photon_enabled from costpulse.cluster_info order by 1") == [
        {"cluster_id": "c1", "photon_enabled": True},
        {"cluster_id": "c2", "photon_enabled": False},
    ]


@pytest.mark.parametrize(
    ("tasks", "idle"),
    [
        ([], Decimal("1.5")),
        # 30 of the busy minutes of the first hour
        ([(0, 30)], Decimal("1.5")),
        # the first hour, of which 30 minutes were quiet
        ([(0, 60)], 1),
        # tasks side by side do not add up
        ([(60, 90), (60, 90), (70, 80)], 1),
        ([(0, 120)], 0),
        # what ran while the cluster was not up
        ([(-600, 0), (120, 300)], Decimal("1.5")),
    ],
)
def test_hours_in_which_tasks_ran_are_never_idle(database, account, tasks, idle):
    add_minutes(account, NOON, 30, cpu=90)
    add_minutes(account, NOON + 30 * MINUTE, 90, cpu=1)
    for number, (start, end) in enumerate(tasks):
        add_task_of_hours(account, NOON + start * MINUTE, NOON + end * MINUTE, task=f"t{number}")
    make_days(database, account)
    assert query(database, "select up_hours, idle_hours from costpulse.cluster_daily where up_hours is not null") == [
        {"up_hours": 2, "idle_hours": idle}
    ]


def test_a_task_that_waits_keeps_its_hours_from_being_idle_and_no_others(database, account):
    add_minutes(account, MIDNIGHT + 2 * HOUR, 6 * 60, cpu=1)
    add_task_of_hours(account, MIDNIGHT + 4 * HOUR, MIDNIGHT + 6 * HOUR)
    make_days(database, account)
    (row,) = query(
        database, "select up_hours, idle_hours, task_hours, last_busy_at, last_idle_at from costpulse.cluster_daily"
    )
    assert (row["up_hours"], row["idle_hours"], row["task_hours"]) == (6, 4, 2)
    assert row["last_busy_at"] == MIDNIGHT + 6 * HOUR - MINUTE
    assert row["last_idle_at"] == MIDNIGHT + 8 * HOUR - MINUTE


def test_a_restated_bill_changes_the_cost_and_leaves_the_hours(database, account):
    account.add_usage("10", sku=ALL_PURPOSE, cluster_id="c1")
    add_minutes(account, NOON, 60)
    make_days(database, account)
    account.add_usage("-10", sku=ALL_PURPOSE, cluster_id="c1", record_type="RETRACTION", ingested=MONDAY + DAY)
    account.add_usage("4", sku=ALL_PURPOSE, cluster_id="c1", record_type="RESTATEMENT", ingested=MONDAY + DAY)
    collect_days(database, account)
    build_cluster_days(database)
    assert query(database, "select dbu_count, cost_usd, up_hours from costpulse.cluster_daily") == [
        {"dbu_count": 4, "cost_usd": Decimal("2.2"), "up_hours": 1}
    ]


@pytest.mark.parametrize(
    "damage",
    [
        "update costpulse.cluster_daily set cost_usd = cost_usd + 0.000000000000000001",
        "update costpulse.cluster_daily set list_cost_usd = list_cost_usd - 0.000000000000000001",
        "update costpulse.cluster_daily set dbu_count = dbu_count + 0.000000000000000001",
        "update costpulse.cluster_daily set idle_hours = up_hours + 0.0001",
        "delete from costpulse.cluster_daily",
        "insert into costpulse.cluster_daily (usage_date, cluster_id, cost_usd) values ('2026-06-01', 'more', 1)",
    ],
)
def test_what_does_not_add_up_to_the_last_digit_is_found(database, account, damage):
    account.add_usage("0.333333333333333333", sku=ALL_PURPOSE, cluster_id="c1")
    add_minutes(account, NOON, 60)
    make_days(database, account)
    assert database.rows(CLUSTER_DAILY.check, {"days": [MONDAY]}) == []
    with database.writing() as connection:
        connection.execute(damage.encode())
    assert len(database.rows(CLUSTER_DAILY.check, {"days": [MONDAY]})) == 1


def test_a_day_that_would_not_add_up_is_not_written(database, account):
    account.add_usage("1", sku=ALL_PURPOSE, cluster_id="c1")
    make_days(database, account)
    before = query(database, "select t::text from costpulse.cluster_daily as t")
    with database.writing() as connection:
        connection.execute(
            "create function costpulse.lose_a_cent() returns trigger language plpgsql as "
            "'begin new.cost_usd = new.cost_usd - 0.01; return new; end'"
        )
        connection.execute(
            "create trigger lose_a_cent before insert on costpulse.cluster_daily "
            "for each row execute function costpulse.lose_a_cent()"
        )
    with pytest.raises(InvariantBroken, match="cluster_daily would not add up"):
        build_days(database, CLUSTER_DAILY)
    assert query(database, "select t::text from costpulse.cluster_daily as t") == before


@pytest.mark.parametrize(
    ("minutes", "share", "edge"),
    [
        ([100] + 19 * [0], "0.95", 5),
        ([95, 5] + 18 * [0], "0.95", 5),
        ([94, 6] + 18 * [0], "0.95", 10),
        (19 * [0] + [1], "0.5", 100),
        ([50, 0, 0, 50] + 16 * [0], "0.5", 5),
        ([49, 0, 0, 51] + 16 * [0], "0.5", 20),
        (20 * [0], "0.95", None),
        (None, "0.95", None),
    ],
)
def test_a_percentile_is_the_upper_edge_of_its_bin(database, minutes, share, edge):
    found = query(database, "select costpulse.histogram_percentile(%s::integer[], %s::numeric) as edge", minutes, share)
    assert found == [{"edge": edge}]


# --- cluster_info


def test_a_cluster_with_fresh_busy_minutes_is_running(database, account):
    add_cluster(account)
    add_minutes(account, NOON - 60 * MINUTE, 60, cpu=50)
    make_days(database, account)
    make_info(database, account, NOON)
    assert state_of(database) == ("running", "node_timeline", NOON - MINUTE)


def test_a_cluster_that_has_done_nothing_for_more_than_thirty_minutes_is_idle(database, account):
    add_cluster(account)
    add_minutes(account, NOON - 60 * MINUTE, 29, cpu=50)
    add_minutes(account, NOON - 31 * MINUTE, 31, cpu=1)
    make_days(database, account)
    make_info(database, account, NOON)
    assert state_of(database) == ("idle", "node_timeline", NOON - MINUTE)
    (row,) = query(database, "select is_idle, last_active_at, idle_time_hours from costpulse.cluster_info")
    assert tuple(row.values()) == (True, NOON - 32 * MINUTE, Decimal("0.5167"))


@pytest.mark.parametrize(
    ("task_ended_before", "state"),
    [(0 * MINUTE, "running"), (30 * MINUTE, "running"), (31 * MINUTE, "idle"), (45 * MINUTE, "idle")],
)
def test_a_cluster_is_not_idle_until_thirty_minutes_after_its_last_task(database, account, task_ended_before, state):
    add_cluster(account)
    add_minutes(account, NOON - 180 * MINUTE, 180, cpu=1)
    add_task_of_hours(account, NOON - 150 * MINUTE, NOON - task_ended_before)
    make_days(database, account)
    make_info(database, account, NOON)
    assert state_of(database) == (state, "node_timeline", NOON - MINUTE)
    assert query(database, "select last_active_at from costpulse.cluster_info") == [
        {"last_active_at": NOON - task_ended_before - MINUTE}
    ]


def test_a_cluster_whose_task_of_yesterday_still_runs_is_not_idle(database, account):
    add_cluster(account)
    add_minutes(account, MIDNIGHT - 2 * HOUR, 195, cpu=1)
    add_task_of_hours(account, MIDNIGHT - 2 * HOUR, MIDNIGHT, ended=False)
    make_days(database, account, MONDAY - DAY, MONDAY, now=MIDNIGHT + 75 * MINUTE)
    make_info(database, account, MIDNIGHT + 75 * MINUTE)
    assert state_of(database)[0] == "running"
    assert query(database, "select sum(idle_hours) as idle from costpulse.cluster_daily") == [{"idle": 0}]


def test_where_tasks_cannot_be_read_the_cpu_decides_alone(database, account):
    add_cluster(account)
    add_minutes(account, NOON - 60 * MINUTE, 60, cpu=1)
    collect_nodes(database, account)
    build_cluster_days(database, MONDAY)
    make_info(database, account, NOON)
    assert state_of(database)[0] == "idle"
    assert query(database, "select idle_hours, task_hours from costpulse.cluster_daily") == [
        {"idle_hours": 1, "task_hours": None}
    ]


def test_nothing_is_called_running_on_evidence_older_than_two_hours(database, account):
    add_cluster(account)
    add_minutes(account, NOON - 60 * MINUTE, 60)
    make_days(database, account)
    make_info(database, account, NOON + 2 * HOUR - MINUTE)
    assert state_of(database)[0] == "running"
    make_info(database, account, NOON + 2 * HOUR)
    assert state_of(database) == ("unknown", "node_timeline", NOON - MINUTE)
    assert query(database, "select is_idle from costpulse.cluster_info") == [{"is_idle": None}]


@pytest.mark.parametrize("later", [0 * HOUR, 30 * DAY])
def test_a_cluster_that_its_workspace_has_left_behind_is_terminated(database, account, later):
    for cluster in ("c1", "c2"):
        add_cluster(account, cluster_id=cluster)
    add_minutes(account, NOON - 60 * MINUTE, 40)
    add_minutes(account, NOON - 60 * MINUTE, 60, cluster_id="c2")
    make_days(database, account)
    make_info(database, account, NOON + later)
    assert state_of(database) == ("terminated", "node_timeline", NOON - 20 * MINUTE)
    assert state_of(database, "c2")[0] == ("unknown" if later else "running")


def test_minutes_of_another_workspace_say_nothing_about_a_cluster(database, account):
    add_cluster(account)
    add_minutes(account, NOON - 60 * MINUTE, 40)
    add_minutes(account, NOON - 60 * MINUTE, 60, cluster_id="c2", workspace="2")
    make_days(database, account)
    make_info(database, account, NOON)
    assert state_of(database)[0] == "running"


def test_a_deleted_cluster_is_deleted_whatever_the_minutes_say(database, account):
    add_cluster(account, changed=NOON, delete_time=NOON)
    add_minutes(account, NOON - 60 * MINUTE, 60)
    make_days(database, account)
    make_info(database, account, NOON)
    assert state_of(database) == ("deleted", "clusters", NOON)


def test_billing_alone_never_makes_a_cluster_running(database, account):
    add_cluster(account)
    account.add_usage("1", sku=ALL_PURPOSE, cluster_id="c1")
    account.add_usage("1", sku=ALL_PURPOSE, cluster_id="c1", day=MONDAY - DAY)
    make_days(database, account, MONDAY - DAY, MONDAY)
    make_info(database, account, NOON)
    assert state_of(database) == ("unknown", "billing", NOON)


def test_a_listed_cluster_the_telemetry_never_showed_is_terminated_once_others_show_later(database, account):
    add_cluster(account)
    account.add_usage("1", sku=ALL_PURPOSE, cluster_id="c1", day=MONDAY - DAY)
    add_minutes(account, NOON - 60 * MINUTE, 60, cluster_id="c2")
    make_days(database, account, MONDAY - DAY, MONDAY)
    make_info(database, account, NOON)
    assert state_of(database) == ("terminated", "node_timeline", MIDNIGHT)


def test_an_id_that_only_the_bill_knows_has_cost_and_no_type(database, account):
    account.add_usage("8", sku="PREMIUM_SERVING", cluster_id="served", product="MODEL_SERVING", day=MONDAY - DAY)
    add_minutes(account, NOON - 60 * MINUTE, 60, cluster_id="c2")
    make_days(database, account, MONDAY - DAY, MONDAY)
    make_info(database, account, NOON)
    assert state_of(database, "served") == ("unknown", "billing", MIDNIGHT)
    (row,) = query(
        database,
        "select cluster_name, cluster_type, never_terminates, dbu_count, last_usage_date, up_hours "
        "from costpulse.cluster_info where cluster_id = 'served'",
    )
    assert tuple(row.values()) == (None, None, False, 8, MONDAY - DAY, 0)


def test_a_cluster_of_the_list_that_never_did_anything_is_unknown(database, account):
    add_cluster(account)
    make_info(database, account, NOON)
    assert state_of(database) == ("unknown", "clusters", MIDNIGHT - 30 * DAY)


def test_configuration_and_node_sizes_stand_beside_utilization(database, account):
    account._connection.execute(
        "insert into dbx_system.compute.node_types values ('a', 'm5.xlarge', 4, 16384, 0), ('a', 'i3', 8, 65536, 0)"
    )
    add_cluster(
        account,
        "analysis",
        owned_by="ada@example.com",
        driver_node_type="m5.xlarge",
        worker_node_type="i3",
        min_autoscale_workers=2,
        max_autoscale_workers=9,
        auto_termination_minutes=0,
        dbr_version="16.4",
        tags={"team": "a"},
    )
    add_minutes(account, NOON, 60, cpu=8, mem=20)
    add_minutes(account, NOON, 60, node="w1", cpu=92, mem=60, wait=7, swap=2)
    make_days(database, account)
    make_info(database, account, NOON)
    (row,) = query(database, "select * from costpulse.cluster_info")
    assert (row["cluster_name"], row["cluster_type"], row["owner"], row["tags"]) == (
        "analysis", "all-purpose", "ada@example.com", {"team": "a"},
    )  # fmt: skip
    assert (row["node_type"], row["driver_node_type"], row["num_workers"]) == ("i3", "m5.xlarge", None)
    assert (row["driver_cores"], row["driver_memory_mb"]) == (4, 16384)
    assert (row["worker_cores"], row["worker_memory_mb"]) == (8, 65536)
    assert (row["min_workers"], row["max_workers"], row["spark_version"]) == (2, 9, "16.4")
    assert (row["auto_termination_minutes"], row["never_terminates"]) == (0, True)
    assert (row["avg_cpu_util"], row["driver_avg_cpu_util"], row["worker_avg_cpu_util"]) == (50, 8, 92)
    assert (row["p95_cpu_util"], row["driver_p95_cpu_util"], row["worker_p95_cpu_util"]) == (95, 10, 95)
    assert (row["avg_mem_util"], row["p95_mem_util"], row["worker_p95_mem_util"]) == (40, 65, 65)
    assert (row["worker_io_wait_avg"], row["worker_swap_max"]) == (7, 2)


def test_sums_are_about_the_last_thirty_days(database, account):
    add_cluster(account)
    first, last = MONDAY - 40 * DAY, MONDAY
    for day in range(41):
        account.add_usage("1", sku=ALL_PURPOSE, cluster_id="c1", day=first + day * DAY)
        add_minutes(account, MIDNIGHT - day * DAY, 60, cpu=1)
    make_days(database, account, first, last)
    make_info(database, account, NOON)
    (row,) = query(
        database,
        "select up_hours, idle_time_hours, dbu_count, total_cost_usd, last_usage_date from costpulse.cluster_info",
    )
    assert tuple(row.values()) == (30, 30, 30, Decimal("16.5"), MONDAY)


def test_rows_keep_their_id_and_go_when_list_and_bill_no_longer_know_them(database, account):
    add_cluster(account)
    account.add_usage("1", sku=ALL_PURPOSE, cluster_id="wrong id")
    make_days(database, account)
    make_info(database, account, NOON)
    before = query(database, "select id, cluster_id from costpulse.cluster_info order by cluster_id")
    assert [row["cluster_id"] for row in before] == ["c1", "wrong id"]
    account.change("update billing.usage set usage_metadata = null")
    make_days(database, account)
    make_info(database, account, NOON)
    assert query(database, "select id, cluster_id from costpulse.cluster_info") == before[:1]


# --- cluster_info, one build after the other


def everything(database: Database) -> list[dict[str, Any]]:
    """cluster_info without what a fresh build gives anew."""
    rows = query(database, "select * from costpulse.cluster_info order by workspace_id, cluster_id")
    return [{name: value for name, value in row.items() if name not in ("id", "updated_at")} for row in rows]


def built_afresh(database: Database, now: datetime) -> list[dict[str, Any]]:
    """What cluster_info would be had it never been built before; it is left as it was."""
    with database.transaction() as connection:
        connection.execute("create table costpulse.kept_rows as select * from costpulse.cluster_info")
        connection.execute(
            "create table costpulse.kept_books as select * from costpulse.built_days where asset = 'cluster_info'"
        )
        connection.execute("delete from costpulse.cluster_info")
        connection.execute("delete from costpulse.built_days where asset = 'cluster_info'")
    rebuild_cluster_info(database, now)
    fresh = everything(database)
    with database.transaction() as connection:
        connection.execute("delete from costpulse.cluster_info")
        connection.execute("delete from costpulse.built_days where asset = 'cluster_info'")
        connection.execute(
            "insert into costpulse.cluster_info overriding system value select * from costpulse.kept_rows"
        )
        connection.execute("insert into costpulse.built_days select * from costpulse.kept_books")
        connection.execute("drop table costpulse.kept_rows, costpulse.kept_books")
    return fresh


def build_day(database: Database, day: date, *rows: dict[str, Any]) -> None:
    """A day of cluster_daily has these rows from now on, as its asset would leave it behind."""
    with database.transaction() as connection:
        connection.execute("delete from costpulse.cluster_daily where usage_date = %s", [day])
        for given in rows:
            row = {"usage_date": day, "workspace_id": "1", "cluster_id": "a", **given}
            values = ", ".join(f"%({name})s" for name in row)
            connection.execute(
                f"insert into costpulse.cluster_daily ({', '.join(row)}) values ({values})".encode(), row
            )
        connection.execute(
            "insert into costpulse.built_days (asset, usage_date, upstream_version, built_at) values "
            "('cluster_daily', %s, now(), clock_timestamp()) on conflict (asset, usage_date) do update set "
            "built_at = excluded.built_at",
            [day],
        )


def billed(dbus: int, *, is_photon: bool = False) -> dict[str, Any]:
    return {"dbu_count": dbus, "is_photon": is_photon}


def up(until: datetime) -> dict[str, Any]:
    return {"up_hours": 2, "driver_node_hours": 2, "last_up_at": until, "last_busy_at": until}


def list_cluster(database: Database, day: date, workspace: str, cluster: str, *, deleted: bool = False) -> None:
    """A cluster is listed, or changed, late on a day."""
    changed = datetime.combine(day, datetime.min.time(), UTC) + 23 * HOUR
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.clusters (workspace_id, cluster_id, cluster_name, driver_node_type, change_time,"
            " delete_time, connection) values (%s, %s, %s, 'm5', %s, %s, 'x') on conflict (workspace_id,"
            " cluster_id) do update set change_time = excluded.change_time, cluster_name = excluded.cluster_name,"
            " delete_time = excluded.delete_time, updated_at = now()",
            [workspace, cluster, f"of {day}", changed, changed if deleted else None],
        )


def let_time_pass(database: Database) -> None:
    """The list was written long before what comes next."""
    with database.transaction() as connection:
        connection.execute("update costpulse.clusters set updated_at = now() - interval '3 days'")


def size_nodes(database: Database, memory_mb: int) -> None:
    """The node type has this size from now on."""
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.node_types (node_type, core_count, memory_mb, connection) values ('m5', 4, %s,"
            " 'x') on conflict (node_type) do update set memory_mb = excluded.memory_mb",
            [memory_mb],
        )


class Changes:
    """Random days of cluster_daily, rows of the list and node types, each as its asset would leave it behind."""

    _CLUSTERS = (("1", "a"), ("1", "b"), ("1", "c"), ("1", "d"), ("2", "a"), ("2", "e"), (None, "f"), ("3", "g"))

    def __init__(self, database: Database, seed: int) -> None:
        self._database, self._random = database, random.Random(seed)

    def day(self, day: date) -> None:
        """A day is built anew: clusters come, go, and differ."""
        rows = []
        for workspace, cluster in self._CLUSTERS:
            row: dict[str, Any] = {}
            if workspace is not None and self._random.random() < 0.15:
                row |= self._telemetry(day)
            if self._random.random() < 0.15:
                row |= billed(self._random.randrange(9), is_photon=self._random.random() < 0.5)
            if row:
                rows.append({"workspace_id": workspace, "cluster_id": cluster, **row})
        build_day(self._database, day, *rows)

    def _telemetry(self, day: date) -> dict[str, Any]:
        until = datetime.combine(day, datetime.min.time(), UTC) + self._random.choice([1, 5, 9, 22]) * HOUR
        return {
            "up_hours": 2,
            "idle_hours": self._random.choice([0, 1]),
            "driver_node_hours": 2,
            "driver_cpu_avg": self._random.randrange(100),
            "driver_cpu_minutes": [self._random.randrange(9) for _ in range(20)],
            "driver_mem_minutes": [self._random.randrange(9) for _ in range(20)],
            "last_up_at": until,
            "last_idle_at": self._random.choice([until, until - HOUR, None]),
            "last_busy_at": self._random.choice([until, until - 31 * MINUTE, until - 2 * HOUR, None]),
        }

    def list(self, day: date) -> None:
        """A cluster is listed, or changed, late on a day."""
        workspace, cluster = self._random.choice([known for known in self._CLUSTERS if known[0] is not None])
        list_cluster(self._database, day, workspace, cluster, deleted=self._random.random() < 0.2)

    def some(self, today: date) -> None:
        """One of them: most are new days, some are old ones, a few are of a year ago."""
        kind = self._random.random()
        if kind < 0.6:
            back = self._random.choice([0, 0, 0, 1, 3, 29, 30, 31, 45, 300])
            self.day(today - back * DAY)
        elif kind < 0.9:
            self.list(today - self._random.choice([0, 1, 40]) * DAY)
        else:
            size_nodes(self._database, self._random.randrange(1, 9))


@pytest.mark.parametrize("seed", range(4))
def test_a_build_that_looks_at_changes_only_gives_what_a_fresh_one_does(database, seed):
    changes, chance = Changes(database, seed), random.Random(seed)
    today = MONDAY
    for back in (400, 90, 30, 29, 1, 0):
        changes.day(today - back * DAY)
    for _ in range(12):
        today += chance.choice([0, 1, 1, 1, 20, 40]) * DAY
        for _ in range(chance.randrange(4)):
            changes.some(today)
        now = datetime.combine(today, datetime.min.time(), UTC) + chance.choice([5, 10, 23]) * HOUR
        rebuild_cluster_info(database, now)
        assert everything(database) == built_afresh(database, now)
        let_time_pass(database)


def rebuilt(database: Database, now: datetime) -> dict[str, dict[str, Any]]:
    """cluster_info by cluster after one more build, which is what a fresh one gives."""
    rebuild_cluster_info(database, now)
    found = everything(database)
    assert found == built_afresh(database, now)
    let_time_pass(database)
    return {row["cluster_id"]: row for row in found}


def test_a_cluster_that_is_taken_out_of_recent_bills_is_what_it_was_before_them(database):
    build_day(database, MONDAY - 300 * DAY, billed(1, is_photon=True) | up(NOON - 300 * DAY))
    build_day(database, MONDAY - 100 * DAY, billed(1, is_photon=True))
    build_day(database, MONDAY, billed(1) | up(NOON - HOUR), billed(1) | {"cluster_id": "gone"})
    before = rebuilt(database, NOON)
    assert (before["a"]["last_usage_date"], before["a"]["photon_enabled"]) == (MONDAY, False)
    build_day(database, MONDAY)
    after = rebuilt(database, NOON)
    assert list(after) == ["a"]
    assert (after["a"]["last_usage_date"], after["a"]["photon_enabled"]) == (MONDAY - 100 * DAY, True)
    assert (after["a"]["last_up_at"], after["a"]["dbu_count"]) == (NOON - 300 * DAY, None)


def test_a_day_of_long_ago_that_comes_late_or_again_is_seen(database):
    build_day(database, MONDAY, billed(1))
    rebuilt(database, NOON)
    build_day(database, MONDAY - 200 * DAY, billed(1) | {"cluster_id": "late"})
    assert rebuilt(database, NOON)["late"]["last_usage_date"] == MONDAY - 200 * DAY
    build_day(database, MONDAY - 200 * DAY)
    assert "late" not in rebuilt(database, NOON)


def test_what_leaves_the_thirty_days_leaves_the_sums_even_if_no_build_saw_it_leave(database):
    build_day(database, MONDAY, billed(5))
    assert rebuilt(database, NOON)["a"]["dbu_count"] == 5
    build_day(database, MONDAY + 90 * DAY, billed(1) | {"cluster_id": "b"})
    assert rebuilt(database, NOON + 90 * DAY)["a"]["dbu_count"] is None


def test_a_cluster_has_ended_once_the_telemetry_of_its_workspace_goes_on_without_it(database):
    build_day(database, MONDAY - 80 * DAY, up(NOON - 80 * DAY))
    build_day(database, MONDAY - DAY, billed(1) | {"workspace_id": "2", "cluster_id": "c"})
    assert rebuilt(database, NOON)["a"]["state"] == "unknown"
    build_day(database, MONDAY, up(NOON - HOUR) | {"cluster_id": "b"})
    assert rebuilt(database, NOON)["a"]["state"] == "terminated"
    build_day(database, MONDAY)
    assert rebuilt(database, NOON)["a"]["state"] == "unknown"


def test_a_cluster_that_is_listed_late_is_judged_by_telemetry_of_any_age(database):
    build_day(database, MONDAY - 80 * DAY, up(NOON - 80 * DAY) | {"cluster_id": "b"})
    build_day(database, MONDAY, billed(1) | {"workspace_id": "2", "cluster_id": "c"})
    rebuilt(database, NOON)
    list_cluster(database, MONDAY - 70 * DAY, "1", "a")
    assert rebuilt(database, NOON)["a"]["state"] == "unknown"
    list_cluster(database, MONDAY - 90 * DAY, "1", "late")
    assert rebuilt(database, NOON)["late"]["state"] == "terminated"
    list_cluster(database, MONDAY - 60 * DAY, "1", "b", deleted=True)
    after = rebuilt(database, NOON)["b"]
    assert (after["state"], after["last_up_at"]) == ("deleted", NOON - 80 * DAY)


def test_a_node_type_that_has_another_size_reaches_clusters_of_long_ago(database):
    size_nodes(database, 8)
    list_cluster(database, MONDAY - 300 * DAY, "1", "a")
    build_day(database, MONDAY - 300 * DAY, billed(1))
    build_day(database, MONDAY, billed(1) | {"cluster_id": "b"})
    assert rebuilt(database, NOON)["a"]["driver_memory_mb"] == 8
    list_cluster(database, MONDAY, "1", "b")
    size_nodes(database, 16)
    assert rebuilt(database, NOON)["a"]["driver_memory_mb"] == 16


def test_a_cluster_that_did_nothing_new_is_not_written_again(database, account):
    for cluster in ("c1", "c2"):
        add_cluster(account, cluster_id=cluster)
        add_minutes(account, NOON - 60 * MINUTE, 40, cluster_id=cluster)
    make_days(database, account)
    make_info(database, account, NOON)
    written = "select cluster_id, updated_at, xmin::text from costpulse.cluster_info order by cluster_id"
    before = query(database, written)
    make_info(database, account, NOON + MINUTE)
    assert query(database, written) == before
    add_minutes(account, NOON - 20 * MINUTE, 20, cluster_id="c2")
    make_days(database, account)
    make_info(database, account, NOON + MINUTE)
    after = query(database, written)
    assert (after[0]["cluster_id"], after[0]["updated_at"] > before[0]["updated_at"]) == ("c1", True)
    assert state_of(database)[0] == "terminated"
    make_info(database, account, NOON + 5 * MINUTE)
    assert query(database, written) == after


def test_evidence_is_found_however_old_it_is(database, account):
    account.add_usage("1", sku=ALL_PURPOSE, cluster_id="c1", day=MONDAY - 300 * DAY)
    make_days(database, account, MONDAY - 300 * DAY, MONDAY - 300 * DAY)
    make_info(database, account, NOON)
    assert state_of(database) == ("unknown", "billing", MIDNIGHT - 299 * DAY)


# --- the assets


def test_one_run_takes_bill_and_telemetry_to_the_state_of_a_cluster(database, account):
    add_cluster(account)
    account.add_usage("2", sku=ALL_PURPOSE, cluster_id="c1")
    add_minutes(account, NOON - 60 * MINUTE, 60, cpu=1)
    chain = (
        "list_prices", "cost_records", "cost_keys", "collected_days", "collection_log", "key_allocations",
        "daily_key_costs", "clusters", "node_types", "node_utilization", "cluster_daily", "cluster_info",
    )  # fmt: skip
    with ephemeral_instance() as instance:
        pipeline = Pipeline(database, account, pretend_today(MONDAY), instance)
        result = pipeline.run(MONDAY, MONDAY, *chain, only_changed=True)
        assert result.success
        assert all(check.passed for check in result.get_asset_check_evaluations())
        assert state_of(database) == ("idle", "node_timeline", NOON - MINUTE)
        assert query(database, "select idle_time_hours, total_cost_usd from costpulse.cluster_info") == [
            {"idle_time_hours": 1, "total_cost_usd": Decimal("1.1")}
        ]
        add_minutes(account, NOON - 90 * MINUTE, 30)
        assert pipeline.run(MONDAY, MONDAY, *chain).success
    assert query(database, "select up_hours, idle_hours from costpulse.cluster_daily") == [
        {"up_hours": Decimal("1.5"), "idle_hours": 1}
    ]
