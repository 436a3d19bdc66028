"""The facts planted in the demo account's jobs, each read off by one query."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.collectors.billing_days import collect_billing_days, differences
from costpulse_assets.collectors.clusters import CLUSTERS
from costpulse_assets.collectors.job_runs import JOB_RUN_DAYS, JOB_RUN_USAGE, JOB_TASK_DAYS
from costpulse_assets.collectors.jobs import JOBS, PIPELINES, SERVING_ENDPOINTS
from costpulse_assets.collectors.regional import collect_days, collect_state
from costpulse_assets.collectors.warehouses import WAREHOUSE_UPTIME, WAREHOUSES
from costpulse_assets.costs.assets import DAILY_KEY_COSTS
from costpulse_assets.derived_days import build
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount, planted
from costpulse_assets.utilization.jobs import JOB_RUN_COSTS, JOB_RUNS, rebuild_runs
from tests.conftest import database as database_of_its_own
from tests.job_account import IN_CLEAR
from tests.small_account import PRICES
from tests.small_account import collect_days as collect_cost_records
from tests.small_clusters import collect_nodes

END = date(2026, 11, 24)
NOW = datetime.combine(END, time(12), UTC)
DAYS = [END - timedelta(days=back) for back in range(50)]


@pytest.fixture(scope="module")
def demo(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """The demo account's last fifty days, collected and derived."""
    with (
        database_of_its_own(postgres_server, template=migrated_template) as url,
        DemoAccount(end_date=END, days=len(DAYS)) as account,
    ):
        database = Database(url)
        collect_cost_records(database, account, *DAYS)
        for state in (CLUSTERS, WAREHOUSES, JOBS, PIPELINES, SERVING_ENDPOINTS):
            collect_state(database, account, state, IN_CLEAR)
        for daily in (JOB_RUN_DAYS, JOB_TASK_DAYS, WAREHOUSE_UPTIME):
            collect_days(database, account, daily, DAYS, identities=IN_CLEAR, now=NOW, settle_days=2, chunk_days=31)
        collect_nodes(database, account, min(DAYS), max(DAYS))
        collect_billing_days(
            database, account, JOB_RUN_USAGE, DAYS, prices=PRICES, identities=IN_CLEAR, chunk_days=31
        )  # fmt: skip
        for derived in (KEY_ALLOCATIONS, DAILY_KEY_COSTS, JOB_RUN_COSTS):
            build(database, derived, DAYS)
        rebuild_runs(database, DAYS)
        yield database


def query(demo: Database, statement: str) -> list[dict[str, Any]]:
    with demo.transaction() as connection:
        connection.execute("set local search_path = costpulse")
        return connection.execute(statement.encode()).fetchall()


def fact(kind: planted.Kind) -> planted.Fact:
    (found,) = planted.facts(kind)
    return found


def test_what_runs_cost_adds_up_and_is_never_more_than_the_bill(demo: Database) -> None:
    for check in (JOB_RUN_COSTS.check, JOB_RUNS.check):
        assert demo.rows(check, {"days": DAYS}) == []
    assert differences(demo, JOB_RUN_USAGE, DAYS) == []
    (sums,) = query(
        demo,
        "select (select sum(cost_usd) from job_run_usage) as billed,"
        " (select sum(cost_usd) from job_runs where cost_basis = 'billed') as of_runs,"
        " (select sum(usage_quantity) from job_run_usage) as dbus,"
        " (select sum(usage_quantity) from cost_records where job_id is not null) as dbus_of_jobs",
    )
    assert 0 < sums["billed"] == sums["of_runs"]
    assert 0 < sums["dbus"] <= sums["dbus_of_jobs"]


def test_a_job_on_all_purpose_compute_has_its_share_of_the_cluster(demo: Database) -> None:
    rows = query(
        demo,
        "select r.job_name, c.cluster_name, r.cost_basis, count(*) as runs, min(r.cost_usd) as least,"
        " sum(r.cost_usd) as cost_usd from job_runs as r"
        " join clusters as c on r.workspace_id = c.workspace_id and r.cluster_id = c.cluster_id"
        " where c.cluster_type = 'all-purpose' and r.run_type = 'JOB_RUN' and r.cost_usd is not null"
        " group by r.job_name, c.cluster_name, r.cost_basis order by runs desc limit 1",
    )
    (row,) = rows
    assert (row["job_name"], row["cluster_name"]) == (fact("job on all-purpose compute").subject, "orders-interactive")
    assert (row["cost_basis"], row["runs"] > 500, row["least"] > 0) == ("apportioned", True, True)


def test_a_job_on_a_sql_warehouse_has_its_share_of_the_warehouse(demo: Database) -> None:
    rows = query(
        demo,
        "select distinct r.job_name, r.cost_basis, w.name from job_runs as r"
        " join warehouses as w on r.workspace_id = w.workspace_id and r.warehouse_id = w.warehouse_id"
        " where r.cost_usd > 0",
    )
    (row,) = rows
    assert (row["job_name"], row["cost_basis"]) == (fact("job on a SQL warehouse").subject, "apportioned")


def test_the_job_that_fails_most_is_seen_with_what_that_cost(demo: Database) -> None:
    (row,) = query(
        demo,
        "select job_name, avg((result_state <> 'SUCCEEDED' or attempts > 1)::int) as share,"
        " sum(failed_cost_usd) as failed_cost_usd, sum(cost_usd) as cost_usd from job_runs"
        " where run_type = 'JOB_RUN' and duration_seconds > 0 and result_state is distinct from 'CANCELLED'"
        " group by job_name having count(*) > 30 order by share desc limit 1",
    )
    assert row["job_name"] == fact("failing job").subject
    assert 0.08 < row["share"] < 0.4
    assert 0 < row["failed_cost_usd"] < row["cost_usd"]


def test_a_repaired_run_is_one_run_of_two_attempts_with_a_part_that_was_for_nothing(demo: Database) -> None:
    rows = query(
        demo,
        "select attempts, result_state, failed_cost_usd, cost_usd from job_runs"
        " where attempts > 1 and result_state = 'SUCCEEDED' and cost_usd > 0",
    )
    assert rows
    assert all(row["attempts"] == 2 and 0 < row["failed_cost_usd"] < row["cost_usd"] for row in rows)


def test_cancelled_runs_are_those_of_one_job(demo: Database) -> None:
    rows = query(
        demo,
        "select job_name, count(*) as runs, sum(failed_cost_usd) as failed_cost_usd from job_runs"
        " where result_state = 'CANCELLED' and termination_code = 'USER_CANCELED' group by job_name",
    )
    (row,) = rows
    assert (row["job_name"], row["failed_cost_usd"]) == (fact("cancelled runs").subject, 0)


def test_runs_that_never_started_took_no_time_and_cost_nothing(demo: Database) -> None:
    (row,) = query(
        demo,
        "select job_name, count(*) as runs, max(duration_seconds) as longest, count(cost_usd) as with_cost"
        " from job_runs where result_state in ('SKIPPED', 'BLOCKED') group by job_name",
    )
    assert row.pop("runs") > 5
    assert row == {"job_name": fact("runs that never started").subject, "longest": 0, "with_cost": 0}


def test_a_run_past_midnight_is_one_run_whose_cost_is_split_by_day(demo: Database) -> None:
    rows = query(
        demo,
        "select r.run_id, r.cost_usd, sum(c.cost_usd) as of_days, count(distinct c.usage_date) as days,"
        " r.last_usage_date - r.first_usage_date as nights from job_runs as r"
        " join job_run_costs as c on r.workspace_id = c.workspace_id and r.run_id = c.run_id"
        f" where r.job_name = '{fact('run past midnight').subject}' and r.first_usage_date > '{min(DAYS)}'"
        " and r.result_state is not null group by r.id",
    )
    assert len(rows) > 40
    assert {(row["days"], row["nights"]) for row in rows} == {(2, 1)}
    assert all(row["cost_usd"] == row["of_days"] > 0 for row in rows)


def test_a_renamed_job_shows_its_old_name_for_old_runs(demo: Database) -> None:
    renamed = fact("renamed job")
    rows = query(
        demo,
        "select r.job_name, min(r.first_usage_date) as first_day, max(r.first_usage_date) as last_day"
        f" from job_runs as r join jobs as j on r.workspace_id = j.workspace_id and r.job_id = j.job_id"
        f" where j.name = '{renamed.subject}' group by r.job_name order by first_day",
    )
    on = END + timedelta(days=renamed.first_day or 0)
    before, after = rows
    assert (before["job_name"], before["last_day"]) == (planted.OLD_NAMES[renamed.subject], on - timedelta(days=1))
    assert (after["job_name"], after["first_day"]) == (renamed.subject, on)


def test_a_job_with_a_japanese_name_has_its_runs(demo: Database) -> None:
    (row,) = query(
        demo,
        f"select count(*) as runs, sum(cost_usd) as cost_usd from job_runs where job_name = '{planted.JAPANESE_JOB}'",
    )
    assert row["runs"] > 40
    assert row["cost_usd"] > 1000


def test_submitted_runs_have_a_name_and_no_job(demo: Database) -> None:
    (row,) = query(
        demo,
        "select r.job_name, count(*) as runs, count(j.job_id) as with_job, min(r.cost_basis) as cost_basis"
        " from job_runs as r left join jobs as j on r.workspace_id = j.workspace_id and r.job_id = j.job_id"
        " where r.run_type = 'SUBMIT_RUN' group by r.job_name",
    )
    assert row.pop("runs") > 20
    assert row == {"job_name": fact("submitted runs").subject, "with_job": 0, "cost_basis": "apportioned"}


def test_a_deleted_job_keeps_its_row_and_its_runs(demo: Database) -> None:
    (row,) = query(
        demo,
        "select j.name, j.delete_time, max(r.last_usage_date) as last_day from jobs as j"
        " join job_runs as r on j.workspace_id = r.workspace_id and j.job_id = r.job_id"
        " where j.delete_time is not null group by j.name, j.delete_time",
    )
    deleted = fact("deleted job")
    assert row["name"] == deleted.subject
    assert row["last_day"] <= row["delete_time"].date()
    assert row["last_day"] <= END + timedelta(days=deleted.last_day or 0)


def test_a_paused_job_is_known_as_paused_and_has_not_run_since(demo: Database) -> None:
    (row,) = query(
        demo,
        "select j.name, max(r.last_usage_date) as last_day from jobs as j"
        " left join job_runs as r on j.workspace_id = r.workspace_id and j.job_id = r.job_id"
        " where j.paused group by j.name",
    )
    paused = fact("paused job")
    assert (row["name"], row["last_day"] < END + timedelta(days=paused.first_day or 0)) == (paused.subject, True)


def test_a_renamed_pipeline_and_an_endpoint_with_two_entities_are_there(demo: Database) -> None:
    pipeline = fact("renamed pipeline").subject
    names = query(
        demo,
        "select n.name from resource_names as n join pipelines as p on n.workspace_id = p.workspace_id"
        f" and n.resource_id = p.pipeline_id where n.resource_type = 'pipeline' and p.name = '{pipeline}'"
        " order by n.valid_from",
    )
    assert [row["name"] for row in names] == [planted.OLD_NAMES[pipeline], pipeline]
    (endpoint,) = query(demo, "select endpoint_name from serving_endpoints where served_entity_count > 1")
    assert endpoint["endpoint_name"] == fact("two served entities").subject
