"""What clusters cost and did: cost to the last digit, hours never doubled, and no state without evidence."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import dagster as dg
import pytest

from costpulse_assets.errors import InvariantBroken
from costpulse_assets.resources.database import Database
from costpulse_assets.utilization.clusters import CLUSTER_DAILY, rebuild_cluster_info
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


def make_days(database, account, first=MONDAY, last=None):
    """Everything from the source to cluster_daily."""
    days = [first + number * DAY for number in range(((last or first) - first).days + 1)]
    collect_days(database, account, *days)
    collect_nodes(database, account, first, last)
    build_cluster_days(database, *days)


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
    ("task_seconds", "idle", "tasks"),
    [(0, Decimal("1.5"), 0), (3600, 1, 1), (7200, 0, 2), (72_000, 0, 20)],
)
def test_hours_in_which_tasks_ran_are_never_idle(database, account, task_seconds, idle, tasks):
    add_minutes(account, NOON, 30, cpu=90)
    add_minutes(account, NOON + 30 * MINUTE, 90, cpu=1)
    with database.writing() as connection:
        connection.execute(
            "insert into costpulse.job_task_days (usage_date, workspace_id, job_run_id, compute_type, compute_id, "
            "task_seconds, connection) values (%s, '1001', 'r1', 'cluster', 'c1', %s, 'x')",
            [MONDAY, task_seconds],
        )
    make_days(database, account)
    assert query(database, "select up_hours, idle_hours, task_hours from costpulse.cluster_daily") == [
        {"up_hours": 2, "idle_hours": idle, "task_hours": tasks}
    ]


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
    assert state_of(database) == ("terminated", "node_timeline", NOON - MINUTE)
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
    assert state_of(database) == ("terminated", "node_timeline", NOON - MINUTE)


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


# --- the assets


def test_one_run_takes_bill_and_telemetry_to_the_state_of_a_cluster(database, account):
    add_cluster(account)
    account.add_usage("2", sku=ALL_PURPOSE, cluster_id="c1")
    add_minutes(account, NOON - 60 * MINUTE, 60, cpu=1)
    chain = (
        "list_prices", "cost_records", "cost_keys", "collected_days", "collection_log", "key_allocations",
        "daily_key_costs", "clusters", "node_types", "node_utilization", "cluster_daily", "cluster_info",
    )  # fmt: skip
    with dg.DagsterInstance.ephemeral() as instance:
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
