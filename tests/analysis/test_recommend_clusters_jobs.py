"""Jobs on all-purpose clusters: what they would cost on job compute."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.resources.database import Database
from tests.analysis.cluster_account import ALL_PURPOSE, DAYS, JOBS, LAST, LONG_AGO, PROD, ClusterAccount, emptied
from tests.conftest import database as database_of_its_own


@pytest.fixture(scope="module")
def database(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    with database_of_its_own(postgres_server, template=migrated_template) as url:
        yield Database(url)


@pytest.fixture
def account(database: Database) -> ClusterAccount:
    """A cluster that works for eight hours a day, half of it for jobs, at 0.55 a DBU; jobs cost 0.15."""
    account = ClusterAccount(emptied(database))
    account.cluster(name="shared")
    for day in DAYS:
        for hour in range(9, 17):
            account.hour(day, hour)
            account.task(day, hour, 1800)
    account.cost("8")
    price(account, ALL_PURPOSE, "0.55")
    price(account, JOBS, "0.15")
    return account


def price(account: ClusterAccount, sku: str, rate: str, *, cloud: str = "AWS", since: datetime = LONG_AGO) -> None:
    account.execute(
        "insert into costpulse.list_prices (cloud, sku_name, usage_unit, currency_code, price_start_time, "
        "default_rate, effective_rate) values (%s, %s, 'DBU', 'USD', %s, %s, %s)",
        cloud, sku, since, rate, rate,
    )  # fmt: skip


def job(account: ClusterAccount, job_id: str = "7", *, paused: bool = False, deleted: datetime | None = None) -> None:
    account.execute(
        "insert into costpulse.jobs (workspace_id, job_id, name, owner, paused, create_time, delete_time, change_time, "
        "connection) values (%s, %s, %s, 'ada@example.com', %s, %s, %s, %s, 'typed')",
        PROD, job_id, f"job {job_id}", paused, LONG_AGO, deleted, LONG_AGO,
    )  # fmt: skip


def run_of(
    account: ClusterAccount,
    day: date,
    *,
    job_id: str = "7",
    cluster_id: str | None = "c1",
    usd: str = "4",
    seconds: int = 3600,
    run_type: str = "JOB_RUN",
) -> None:
    """A run on a cluster, or on serverless compute."""
    run_id = f"{job_id}-{day}-{cluster_id}"
    account.execute(
        "insert into costpulse.job_runs (workspace_id, job_id, run_id, run_type, first_usage_date, last_usage_date, "
        "attempts, compute_type, cluster_id) values (%s, %s, %s, %s, %s, %s, 1, %s, %s)",
        PROD, job_id, run_id, run_type, day, day, "cluster" if cluster_id else "serverless", cluster_id,
    )  # fmt: skip
    account.execute(
        "insert into costpulse.job_run_costs (usage_date, workspace_id, run_id, cost_basis, compute_type, compute_id, "
        "task_seconds, cost_usd) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        day, PROD, run_id, "apportioned" if cluster_id else "billed", "cluster" if cluster_id else None, cluster_id,
        seconds, usd,
    )  # fmt: skip


def advice(account: ClusterAccount, **thresholds: dict[str, Decimal]) -> list[dict[str, Any]]:
    return account.found("jobs_on_all_purpose", **thresholds)


def test_a_job_saves_the_difference_of_the_prices(account: ClusterAccount) -> None:
    job(account)
    for day in DAYS:
        run_of(account, day)
    (row,) = advice(account)
    expected = Decimal(120) * (1 - Decimal("0.15") / Decimal("0.55"))
    assert abs(row["saving_usd"] - expected) < Decimal("1e-9")
    assert (row["resource_type"], row["resource_id"], row["resource_name"]) == ("job", "7", "job 7")
    assert (row["bearer_type"], row["bearer_id"], row["resource_cost_usd"]) == ("cluster", "c1", 240)
    assert (row["acts_on"], row["person"], row["confidence"]) == ("price", "ada@example.com", "medium")
    assert row["evidence"]["share_of_jobs_percent"] == 50
    assert set(row["evidence"]) == set(RECOMMENDATION_TYPES["jobs_on_all_purpose"].evidence)


def test_the_prices_are_the_customer_s_of_the_last_day(account: ClusterAccount) -> None:
    job(account)
    for day in DAYS:
        run_of(account, day)
    account.execute("update costpulse.list_prices set price_end_time = '2026-06-20' where sku_name = %s", JOBS)
    price(account, JOBS, "0.22", since=datetime(2026, 6, 20, tzinfo=UTC))
    account.execute(
        "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) "
        "values ('PREMIUM_ALL_PURPOSE*', -20, '2026-06-10')"
    )
    (row,) = advice(account)
    assert row["saving_usd"] == Decimal(60)
    assert (row["evidence"]["all_purpose_rate"], row["evidence"]["jobs_rate"]) == (0.44, 0.22)


def test_photon_is_compared_with_photon(account: ClusterAccount) -> None:
    job(account)
    for day in DAYS:
        run_of(account, day)
    account.execute("update costpulse.list_prices set sku_name = sku_name || '_(PHOTON)' where sku_name = %s", JOBS)
    assert advice(account) == []


def test_another_cloud_has_other_prices(account: ClusterAccount) -> None:
    job(account)
    run_of(account, LAST)
    account.execute("update costpulse.list_prices set cloud = 'AZURE'")
    assert advice(account) == []


def test_a_dearer_job_price_saves_nothing(account: ClusterAccount) -> None:
    job(account)
    run_of(account, LAST)
    account.execute("update costpulse.list_prices set effective_rate = 0.6 where sku_name = %s", JOBS)
    assert advice(account) == []


def test_a_job_that_is_paused_deleted_or_unknown_is_left_alone(account: ClusterAccount) -> None:
    job(account, "1", paused=True)
    job(account, "2", deleted=datetime(2026, 6, 29, tzinfo=UTC))
    for number in "123":
        run_of(account, LAST, job_id=number)
    assert advice(account) == []


def test_submitted_runs_are_left_alone(account: ClusterAccount) -> None:
    job(account)
    run_of(account, LAST, run_type="SUBMIT_RUN")
    assert advice(account) == []


def test_a_job_that_has_moved_is_left_alone(account: ClusterAccount) -> None:
    job(account)
    for day in DAYS[:-1]:
        run_of(account, day)
    run_of(account, LAST, cluster_id=None)
    assert advice(account) == []


def test_short_runs_are_not_worth_a_cluster_each(account: ClusterAccount) -> None:
    job(account, "1")
    job(account, "2")
    for day in DAYS:
        run_of(account, day, job_id="1", seconds=120)
        run_of(account, day, job_id="2", seconds=420)
    (row,) = advice(account)
    assert (row["resource_id"], row["confidence"]) == ("2", "low")


def test_a_cluster_that_people_keep_up_is_left_alone(account: ClusterAccount) -> None:
    job(account)
    for day in DAYS:
        run_of(account, day)
    assert advice(account, jobs_on_all_purpose={"minimum_job_percent": Decimal(60)}) == []


def test_every_job_of_a_cluster_is_told_and_a_job_of_two_clusters_once(account: ClusterAccount) -> None:
    account.cluster("c2", name="other")
    for day in DAYS:
        account.hour(day, 9, cluster_id="c2")
        account.task(day, 9, 3600, cluster_id="c2")
    account.cost("5", cluster_id="c2")
    job(account, "1")
    job(account, "2")
    for day in DAYS:
        run_of(account, day, job_id="1", usd="1")
        run_of(account, day, job_id="1", cluster_id="c2", usd="2")
        run_of(account, day, job_id="2", usd="3")
    rows = advice(account)
    assert [(row["resource_id"], row["bearer_id"]) for row in rows] == [("2", "c1"), ("1", "c2")]
    assert rows[1]["confidence"] == "high"


def test_a_deleted_cluster_has_no_jobs_to_move(account: ClusterAccount) -> None:
    job(account)
    run_of(account, LAST)
    account.execute("update costpulse.clusters set delete_time = '2026-07-01'")
    assert advice(account) == []
