"""Clusters and node types: the newest configuration, kept when the cluster is gone, and the names it had."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr

from costpulse_assets.collectors.clusters import CLUSTERS
from costpulse_assets.collectors.regional import collect_state
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.small_account import MONDAY, SmallAccount
from tests.small_clusters import MIDNIGHT, add_cluster, collect_clusters, query

DAY = timedelta(days=1)
HOSTILE = "<b>Grafana</b><script>alert('x')</script>\n\"; drop table clusters; --"


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        yield account


def test_the_newest_version_is_the_state_of_a_cluster(database, account):
    add_cluster(account, changed=MIDNIGHT - 2 * DAY, worker_count=8, owned_by="ada@example.com")
    add_cluster(
        account,
        changed=MIDNIGHT - DAY,
        owned_by="bob@example.com",
        min_autoscale_workers=2,
        max_autoscale_workers=20,
        driver_node_type="m5.xlarge",
        worker_node_type="i3.xlarge",
        auto_termination_minutes=45,
        dbr_version="16.4.x-scala2.12",
        policy_id="P1",
        data_security_mode="SINGLE_USER",
    )
    collect_clusters(database, account)
    (row,) = query(database, "select * from costpulse.clusters")
    assert (row["owner"], row["worker_count"], row["min_autoscale_workers"], row["max_autoscale_workers"]) == (
        "bob@example.com", None, 2, 20,
    )  # fmt: skip
    assert (row["driver_node_type"], row["worker_node_type"]) == ("m5.xlarge", "i3.xlarge")
    assert (row["auto_termination_minutes"], row["dbr_version"]) == (45, "16.4.x-scala2.12")
    assert (row["policy_id"], row["data_security_mode"]) == ("P1", "SINGLE_USER")
    assert (row["change_time"], row["connection"]) == (MIDNIGHT - DAY, "small account")


def test_every_name_a_cluster_had_is_kept_with_the_days_it_had_it(database, account):
    add_cluster(account, "first", changed=MIDNIGHT)
    add_cluster(account, "first", changed=MIDNIGHT + DAY, worker_count=3)
    add_cluster(account, "second", changed=MIDNIGHT + 2 * DAY)
    add_cluster(account, "second", changed=MIDNIGHT + 3 * DAY, worker_count=4)
    collect_clusters(database, account)
    names = query(database, "select name, valid_from, valid_to from costpulse.resource_names order by valid_from")
    assert [tuple(row.values()) for row in names] == [
        ("first", MONDAY, MONDAY + 2 * DAY),
        ("second", MONDAY + 2 * DAY, None),
    ]


def test_a_deleted_cluster_keeps_its_row_and_says_when(database, account):
    add_cluster(account, changed=MIDNIGHT)
    add_cluster(account, changed=MIDNIGHT + DAY, delete_time=MIDNIGHT + DAY)
    collect_clusters(database, account)
    assert query(database, "select delete_time from costpulse.clusters") == [{"delete_time": MIDNIGHT + DAY}]


def test_a_cluster_the_source_forgot_keeps_its_row(database, account):
    add_cluster(account, "old", cluster_id="old", changed=MIDNIGHT)
    collect_clusters(database, account)
    account._connection.execute("delete from dbx_system.compute.clusters")
    add_cluster(account, "new", cluster_id="new", changed=MIDNIGHT + DAY)
    collect_clusters(database, account)
    assert query(database, "select cluster_name from costpulse.clusters order by 1") == [
        {"cluster_name": "new"},
        {"cluster_name": "old"},
    ]


def test_a_later_reading_takes_what_changed_since_and_what_came_late(database, account):
    add_cluster(account, "a", cluster_id="a", changed=MIDNIGHT)
    collect_clusters(database, account)
    add_cluster(account, "b", cluster_id="b", changed=MIDNIGHT - timedelta(hours=20))
    add_cluster(account, "a2", cluster_id="a", changed=MIDNIGHT + DAY)
    assert collect_state(database, account, CLUSTERS, Identities(None)) == 3
    assert query(database, "select cluster_id, cluster_name from costpulse.clusters order by 1") == [
        {"cluster_id": "a", "cluster_name": "a2"},
        {"cluster_id": "b", "cluster_name": "b"},
    ]
    names = query(database, "select name, valid_from from costpulse.resource_names where resource_id = 'a' order by 2")
    assert [tuple(row.values()) for row in names] == [("a", MONDAY), ("a2", MONDAY + DAY)]


def test_one_id_in_two_workspaces_is_two_clusters(database, account):
    add_cluster(account, "here", workspace="1")
    add_cluster(account, "there", workspace="2")
    collect_clusters(database, account)
    assert query(database, "select count(*) as n from costpulse.clusters") == [{"n": 2}]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("UI", "all-purpose"),
        ("API", "all-purpose"),
        ("JOB", "job"),
        ("PIPELINE", "pipeline"),
        ("PIPELINE_MAINTENANCE", "pipeline"),
        ("MODELS", "models"),
        (None, None),
    ],
)
def test_the_type_of_a_cluster_follows_from_its_source(database, account, source, kind):
    add_cluster(account, source=source)
    collect_clusters(database, account)
    assert query(database, "select cluster_type from costpulse.clusters") == [{"cluster_type": kind}]


@pytest.mark.parametrize(
    ("source", "minutes", "never"),
    [
        ("UI", None, True),
        ("API", 0, True),
        ("UI", 10_000, False),
        ("JOB", None, False),
        ("PIPELINE", 0, False),
        (None, None, False),
    ],
)
def test_only_an_all_purpose_cluster_without_a_limit_never_terminates(database, account, source, minutes, never):
    add_cluster(account, source=source, auto_termination_minutes=minutes)
    collect_clusters(database, account)
    assert query(database, "select auto_termination_minutes, never_terminates from costpulse.clusters") == [
        {"auto_termination_minutes": minutes, "never_terminates": never}
    ]


@pytest.mark.parametrize(
    ("driver", "worker", "is_backed"),
    [("pool-1", "pool-2", True), (None, "pool-2", True), ("pool-1", None, True), (None, None, False)],
)
def test_a_cluster_whose_driver_or_workers_are_of_a_pool_is_backed_by_it(database, account, driver, worker, is_backed):
    add_cluster(account, driver_instance_pool_id=driver, worker_instance_pool_id=worker)
    collect_clusters(database, account)
    (row,) = query(database, "select * from costpulse.clusters")
    assert (row["driver_instance_pool_id"], row["worker_instance_pool_id"]) == (driver, worker)
    assert row["is_pool_backed"] is is_backed


def test_hostile_names_and_tags_arrive_as_they_are(database, account):
    add_cluster(account, HOSTILE, tags={"z": HOSTILE, "a": "ä 🚀"})
    collect_clusters(database, account)
    assert query(database, "select cluster_name, tags from costpulse.clusters") == [
        {"cluster_name": HOSTILE, "tags": {"a": "ä 🚀", "z": HOSTILE}}
    ]


def test_the_owner_is_hashed_where_identities_are(database, account):
    add_cluster(account, owned_by="ada@example.com")
    collect_state(database, account, CLUSTERS, Identities(SecretStr("0123456789abcdef")))
    ((owner,),) = [tuple(row.values()) for row in query(database, "select owner from costpulse.clusters")]
    assert owner.endswith("@example.com")
    assert not owner.startswith("ada")


def test_a_node_type_has_one_row_with_its_present_size(database, account):
    nodes = "dbx_system.compute.node_types"
    account._connection.execute(f"insert into {nodes} values ('a', 'm5', 4, 16384, 0), ('b', 'm5', 4, 16384, 0)")
    collect_clusters(database, account)
    account._connection.execute(f"update {nodes} set core_count = 4.5, gpu_count = 1")
    collect_clusters(database, account)
    assert query(database, "select node_type, core_count, memory_mb, gpu_count from costpulse.node_types") == [
        {"node_type": "m5", "core_count": Decimal("4.5"), "memory_mb": 16384, "gpu_count": 1}
    ]
