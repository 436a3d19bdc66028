"""Clusters larger than their work: what is advised, and when nothing is."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.resources.database import Database
from tests.analysis.cluster_account import AZURE, DAYS, ClusterAccount, emptied
from tests.conftest import database as database_of_its_own

TINY = Decimal("1e-9")
POOL_KEEPS = "Its pool may keep the machines: what they cost at the cloud provider is not counted."


@pytest.fixture(scope="module")
def database(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    with database_of_its_own(postgres_server, template=migrated_template) as url:
        yield Database(url)


@pytest.fixture
def account(database: Database) -> ClusterAccount:
    return ClusterAccount(emptied(database))


def near(value: Decimal, expected: str | Decimal) -> bool:
    return abs(value - Decimal(expected)) < TINY


def works(
    account: ClusterAccount, *, hours: int = 8, cost: str = "11", workspace: str = "1001", **figures: Any
) -> None:
    """A day's work on every day of the window, at a dollar an hour and node of eleven."""
    for day in DAYS:
        for hour in range(9, 9 + hours):
            account.hour(day, hour, workspace=workspace, **figures)
    account.cost(cost, workspace=workspace)


def advice(account: ClusterAccount, **thresholds: dict[str, Decimal]) -> list[dict[str, Any]]:
    return account.found("right_size_cluster", **thresholds)


def test_workers_beyond_what_memory_and_cpu_need_are_saved(account: ClusterAccount) -> None:
    account.cluster(workers=10)
    works(account, workers=10, cpu=20, mem=40)
    (row,) = advice(account)
    # CPU: 10 x 20 / 85 is 3; memory: 10 x 40 / 90 is 5. Five of eleven nodes go.
    assert (row["setting"], row["setting_from"], row["setting_to"]) == ("num_workers", "10", "5")
    assert near(row["saving_usd"], "150")
    assert (row["confidence"], row["evidence"]["busy_hours"]) == ("high", 240)
    assert json.loads(row["command"].split("'")[1]) == {
        "cluster_id": "c1",
        "update_mask": "num_workers",
        "cluster": {"num_workers": 5},
    }


def test_low_memory_alone_does_not_take_workers_that_the_cpu_needs(account: ClusterAccount) -> None:
    account.cluster(workers=10)
    works(account, workers=10, cpu=80, mem=20)
    assert advice(account) == []


def test_the_driver_counts_by_its_size(account: ClusterAccount) -> None:
    account.cluster(workers=10, driver_type="m5.2xlarge")
    works(account, workers=10, cpu=20, mem=40)
    (row,) = advice(account)
    assert near(row["saving_usd"], Decimal(330) * 5 / 12)


def test_the_median_decides_and_the_busiest_hours_make_it_doubtful(account: ClusterAccount) -> None:
    account.cluster(workers=10)
    for day in DAYS:
        for hour in range(10):
            account.hour(day, hour, workers=10, cpu=80 if hour == 0 else 8, mem=20)
    account.cost("11")
    (row,) = advice(account)
    assert (row["evidence"]["needed_median"], row["evidence"]["needed_p95"]) == (3, 10)
    assert (row["setting_to"], row["confidence"]) == ("3", "low")


def test_idle_hours_are_not_what_a_cluster_is_sized_by(account: ClusterAccount) -> None:
    account.cluster(workers=10, auto_termination=0)
    account.always_up(busy=range(8), workers=10, cpu=70, mem=60)
    for hour in account._hours:
        if hour["usage_hour"] >= 8:
            hour["cpu_sum"], hour["mem_sum"] = 0, 0
    account.cost("24")
    assert advice(account) == []


@pytest.mark.parametrize(
    "figures",
    [
        pytest.param({"cpu": 20, "mem": 92}, id="memory is full"),
        pytest.param({"cpu": 20, "mem": 40, "swap": 3}, id="it swaps"),
        pytest.param({"cpu": 20, "mem": 40, "io": 38}, id="it waits for disks"),
        pytest.param({"cpu": 20, "mem": 40, "readings": 0.8}, id="a fifth of the minutes has no reading"),
        pytest.param({"cpu": 20, "mem": 40, "hours": 0}, id="it never ran"),
        pytest.param({"cpu": 50, "mem": 50}, id="it is busy"),
    ],
)
def test_what_is_not_too_large_for_sure_is_left_alone(account: ClusterAccount, figures: dict[str, Any]) -> None:
    account.cluster(workers=10)
    works(account, workers=10, **figures)
    assert advice(account) == []


@pytest.mark.parametrize("node_type", ["g4dn.xlarge", "of.unknown.size"])
def test_a_gpu_and_a_node_of_unknown_size_are_left_alone(account: ClusterAccount, node_type: str) -> None:
    account.cluster(workers=10, node_type=node_type)
    works(account, workers=10, cpu=20, mem=40)
    assert advice(account) == []


def test_too_few_busy_hours_are_no_evidence(account: ClusterAccount) -> None:
    account.cluster(workers=10)
    for day in DAYS[:2]:
        for hour in range(10):
            account.hour(day, hour, workers=10, cpu=20, mem=40)
    account.cost("11")
    assert account.found("right_size_cluster") == []


def test_a_few_days_of_a_new_size_count_alone(account: ClusterAccount) -> None:
    account.cluster(workers=10, changed=datetime.combine(DAYS[25], time(8), tzinfo=UTC))
    works(account, workers=10, cpu=20, mem=40)
    (row,) = advice(account)
    assert near(row["saving_usd"], "20")
    assert (row["confidence"], row["resource_cost_usd"]) == ("low", 330)


def test_a_cluster_that_scales_gets_other_limits(account: ClusterAccount) -> None:
    account.cluster(workers=None, autoscale=(4, 10))
    works(account, workers=4, cpu=20, mem=20, cost="5")
    (row,) = advice(account)
    assert (row["setting"], row["setting_from"], row["setting_to"]) == ("min_workers-max_workers", "4-10", "1-1")
    assert near(row["saving_usd"], "90")
    assert row["confidence"] == "medium"


def test_above_its_fewest_workers_it_follows_the_load_already(account: ClusterAccount) -> None:
    account.cluster(workers=None, autoscale=(2, 10))
    for day in DAYS:
        for hour in range(8):
            # in one hour of eight it has six, and needs all of them but one
            account.hour(day, hour, workers=6 if hour == 0 else 2, cpu=70 if hour == 0 else 20, mem=20)
    account.cost("27")
    (row,) = advice(account, right_size_cluster={"maximum_cpu_percent": Decimal(60)})
    assert row["setting_to"] == "1-5"
    # (6 - 5) nodes of an hour and (2 - 1) of seven hours, of 7 + 7 x 3 node hours
    assert near(row["saving_usd"], Decimal(810) * 8 / 28)


@pytest.mark.parametrize(
    ("workspace", "node_type", "smaller"),
    [
        ("1001", "m5.2xlarge", "m5.xlarge"),
        (AZURE, "Standard_D8ds_v5", "Standard_D4ds_v5"),
        ("1001", "n2-standard-8", "n2-standard-4"),
    ],
)
def test_a_single_node_gets_a_smaller_one_of_its_family(
    account: ClusterAccount, workspace: str, node_type: str, smaller: str
) -> None:
    account.cluster(node_type=node_type, workspace=workspace)
    works(account, cpu=20, mem=40, workspace=workspace)
    (row,) = advice(account)
    assert (row["setting"], row["setting_from"], row["setting_to"]) == ("driver_node_type", node_type, smaller)
    assert near(row["saving_usd"], "165")
    assert json.loads(row["command"].split("'")[1])["cluster"] == {
        "node_type_id": smaller,
        "driver_node_type_id": smaller,
    }


def test_a_single_node_that_would_not_fit_twice_is_left_alone(account: ClusterAccount) -> None:
    account.cluster(node_type="m5.2xlarge")
    works(account, cpu=20, mem=50)
    assert advice(account) == []


def test_the_smallest_node_of_a_family_is_left_alone(account: ClusterAccount) -> None:
    account.cluster(node_type="m5.xlarge")
    works(account, cpu=10, mem=10)
    assert advice(account) == []


def test_a_lone_worker_gets_a_smaller_node_and_the_driver_keeps_its_own(account: ClusterAccount) -> None:
    account.cluster(workers=1, node_type="m5.2xlarge")
    works(account, workers=1, cpu=20, mem=40)
    (row,) = advice(account)
    assert (row["setting"], row["setting_to"]) == ("worker_node_type", "m5.xlarge")
    assert near(row["saving_usd"], "82.5")
    assert json.loads(row["command"].split("'")[1])["cluster"]["driver_node_type_id"] == "m5.2xlarge"


def test_the_cloud_part_is_that_of_the_nodes_that_go(account: ClusterAccount) -> None:
    account.cluster(workers=10)
    works(account, workers=10, cpu=20, mem=40)
    account.price("0.2")
    (row,) = advice(account)
    assert near(row["vm_saving_usd"], "240")
    assert row["vm_saving_source"] == "user"


@pytest.mark.parametrize("size", [{"workers": 10}, {"workers": None, "autoscale": (10, 12)}])
def test_of_a_cluster_of_a_pool_workers_are_saved_but_not_what_the_pool_may_keep(
    account: ClusterAccount, size: dict[str, Any]
) -> None:
    for cluster_id, pool in (("own", None), ("pooled", "pool-1")):
        account.cluster(cluster_id, pool=pool, **size)
        for day in DAYS:
            for hour in range(9, 17):
                account.hour(day, hour, cluster_id=cluster_id, workers=10, cpu=20, mem=40)
        account.cost("11", cluster_id=cluster_id)
    account.price("0.2")
    own, pooled = advice(account)
    assert near(pooled["saving_usd"], "150")
    assert (pooled["setting_to"], pooled["saving_usd"]) == (own["setting_to"], own["saving_usd"])
    assert near(own["vm_saving_usd"], "240")
    assert (pooled["vm_saving_usd"], pooled["vm_saving_source"]) == (None, None)
    assert pooled["confidence_reason"] == f"{own['confidence_reason']} {POOL_KEEPS}"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_cluster_of_a_pool_is_never_given_another_node(account: ClusterAccount, workers: int) -> None:
    account.cluster(node_type="m5.2xlarge", workers=workers, pool="pool-1")
    works(account, workers=workers, cpu=20, mem=40)
    assert advice(account) == []
