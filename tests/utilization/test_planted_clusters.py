"""The planted facts about clusters: each is read off the finished tables by one statement."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from costpulse_assets.collectors.cost_records import collect
from costpulse_assets.collectors.job_runs import JOB_TASK_DAYS
from costpulse_assets.collectors.prices import PriceTable
from costpulse_assets.collectors.regional import collect_days
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount, planted
from costpulse_assets.utilization.clusters import CLUSTER_DAILY, rebuild_cluster_info
from tests.conftest import database as temporary_database
from tests.small_clusters import IN_CLEAR, build_cluster_days, collect_clusters, collect_nodes, query

END = date(2026, 11, 20)
NOW = datetime.combine(END, time(12), tzinfo=UTC)
DAYS = [END - timedelta(days=number) for number in reversed(range(33))]

#: For each kind of fact, the statement that finds its subjects among all clusters, by name.
FOUND_BY: dict[str, str] = {
    # up for more than half of 30 days and idle for nine tenths of it, on the bill and still there
    "idle cluster": """
        select cluster_name, idle_time_hours, up_hours, total_cost_usd, owner
        from costpulse.cluster_info
        where cluster_type = 'all-purpose' and up_hours > 360 and idle_time_hours > 0.9 * up_hours
    """,
    # enough evidence, hardly idle, and neither CPU nor memory nor disk is what it lacks
    "over-provisioned cluster": """
        select cluster_name, worker_p95_cpu_util, worker_p95_mem_util, num_workers, worker_cores
        from costpulse.cluster_info
        where
            cluster_type = 'all-purpose' and up_hours >= 24 and idle_time_hours < 0.5 * up_hours
            and worker_p95_cpu_util < 40 and worker_p95_mem_util < 50
            and worker_io_wait_avg < 10 and worker_swap_max < 1
    """,
    "cluster without auto-termination": """
        select cluster_name, up_hours, idle_time_hours, total_cost_usd
        from costpulse.cluster_info
        where never_terminates and state <> 'deleted'
    """,
    # memory is full and swapped: fewer cores, not less memory
    "memory-bound cluster": """
        select cluster_name, worker_p95_mem_util, worker_swap_max, worker_p95_cpu_util
        from costpulse.cluster_info
        where worker_p95_mem_util >= 90 and worker_swap_max > 1 and worker_p95_cpu_util < 40
    """,
    # its CPUs wait for data: fewer of them would not help
    "waiting cluster": """
        select cluster_name, worker_io_wait_avg, worker_p95_cpu_util
        from costpulse.cluster_info
        where cluster_type = 'all-purpose' and worker_io_wait_avg > 20
    """,
    "renamed cluster": """
        select i.cluster_name, n.name as earlier_name, n.valid_to as until
        from costpulse.resource_names as n
        inner join costpulse.cluster_info as i
            on n.workspace_id = i.workspace_id and n.resource_id = i.cluster_id
        where n.resource_type = 'cluster' and n.valid_to is not null
    """,
    "deleted cluster": """
        select cluster_name, deleted_at, state_as_of
        from costpulse.cluster_info
        where cluster_type = 'all-purpose' and state = 'deleted'
    """,
}


@pytest.fixture(scope="module")
def account() -> Iterator[DemoAccount]:
    with DemoAccount(days=len(DAYS), end_date=END) as account:
        yield account


@pytest.fixture(scope="module")
def database(postgres_server: str, migrated_template: str, account: DemoAccount) -> Iterator[Database]:
    with temporary_database(postgres_server, template=migrated_template) as url:
        database = Database(url)
        collect(database, account, DAYS, prices=PriceTable("list_prices", "USD"), chunk_days=33, identities=IN_CLEAR)
        collect_clusters(database, account)
        collect_nodes(database, account, DAYS[0], END)
        collect_days(database, account, JOB_TASK_DAYS, DAYS, identities=IN_CLEAR, now=NOW, settle_days=2, chunk_days=33)
        build_cluster_days(database, *DAYS)
        rebuild_cluster_info(database, NOW)
        yield database


@pytest.mark.parametrize("kind", FOUND_BY)
def test_one_statement_finds_exactly_the_planted_clusters(database: Database, kind: Any) -> None:
    found = [row["cluster_name"] for row in query(database, FOUND_BY[kind])]
    assert sorted(found) == sorted(fact.subject for fact in planted.facts(kind))


def test_the_idle_clusters_run_and_do_nothing_now(database: Database) -> None:
    rows = query(
        database,
        "select cluster_name, state_evidence, state_as_of from costpulse.cluster_info where state = 'idle' order by 1",
    )
    names = {fact.subject for fact in planted.facts("idle cluster", "cluster without auto-termination")}
    assert names <= {row["cluster_name"] for row in rows}
    assert {row["state_evidence"] for row in rows} == {"node_timeline"}
    assert {row["state_as_of"] for row in rows} == {NOW - timedelta(minutes=1)}


def test_the_hostile_cluster_name_is_stored_as_it_is(database: Database) -> None:
    rows = query(
        database,
        "select cluster_name, tags ->> 'note' as note from costpulse.cluster_info where cluster_name like '<%%'",
    )
    assert rows == [{"cluster_name": planted.HTML_CLUSTER, "note": planted.HYPERLINK_TAG}]


def test_the_renamed_cluster_goes_by_both_names(database: Database) -> None:
    (fact,) = planted.facts("renamed cluster")
    rows = query(
        database,
        "select name, valid_from, valid_to from costpulse.resource_names where resource_id = "
        "(select cluster_id from costpulse.clusters where cluster_name = %s) order by valid_from",
        fact.subject,
    )
    renamed = END + timedelta(days=fact.first_day or 0)
    assert [row["name"] for row in rows] == [planted.OLD_NAMES[fact.subject], fact.subject]
    assert (rows[0]["valid_to"], rows[1]["valid_from"], rows[1]["valid_to"]) == (renamed, renamed, None)


def test_cluster_days_add_up_to_the_bill(database: Database) -> None:
    assert database.rows(CLUSTER_DAILY.check, {"days": DAYS}) == []
    (sums,) = query(
        database,
        "select (select sum(cost_usd) from costpulse.cluster_daily) as derived, "
        "(select sum(cost_usd) from costpulse.cost_records where cluster_id is not null) as billed",
    )
    assert sums["derived"] == sums["billed"] > 0


def test_no_minute_of_the_source_is_lost_or_doubled(database: Database, account: DemoAccount) -> None:
    (source,) = (
        account.fetch(
            "select count(*) as nodes, count(distinct concat(n.cluster_id, cast(n.start_time as string))) as ups "
            "from system.compute.node_timeline as n where n.start_time >= :first",
            {"first": datetime.combine(DAYS[0], time(), tzinfo=UTC)},
        )
        .read_all()
        .to_pylist()
    )
    (hours,) = query(
        database,
        "select sum(node_minutes) as nodes, sum(up_minutes) as ups, count(*) as rows from costpulse.node_utilization",
    )
    assert (hours["nodes"], hours["ups"]) == (source["nodes"], source["ups"])
    assert hours["rows"] * 20 < source["nodes"]


def test_every_cluster_of_the_bill_has_a_row_and_a_state(database: Database) -> None:
    assert (
        query(
            database,
            "select distinct c.cluster_id from costpulse.cluster_daily as c "
            "left join costpulse.cluster_info as i on c.cluster_id = i.cluster_id and c.workspace_id = i.workspace_id "
            "where i.id is null",
        )
        == []
    )
    assert query(
        database,
        "select count(*) as n from costpulse.cluster_info where state in ('running', 'idle') and state_as_of < %s",
        NOW - timedelta(hours=2),
    ) == [{"n": 0}]
