"""Runs of jobs: how they went, what they cost by the day, and that shared cost is never more than there is."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.collectors import cost_records
from costpulse_assets.collectors.billing_days import collect_billing_days, due_days, reprice_billing_days
from costpulse_assets.collectors.job_runs import JOB_RUN_DAYS, JOB_RUN_USAGE, JOB_TASK_DAYS
from costpulse_assets.collectors.jobs import JOBS
from costpulse_assets.collectors.regional import collect_state
from costpulse_assets.derived_days import build, days_to_build
from costpulse_assets.errors import InvariantBroken
from costpulse_assets.partitions import daily_partitions
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from costpulse_assets.utilization.jobs import JOB_RUN_COSTS, JOB_RUNS, job_assets, rebuild_runs
from tests.job_account import (
    CLUSTER_SKU,
    IN_CLEAR,
    add_cluster_usage,
    add_job,
    add_slice,
    add_task,
    build_runs,
    collect,
    collect_runs,
    days_from,
)
from tests.pipeline import pretend_today
from tests.small_account import MONDAY, PRICES, SmallAccount
from tests.small_clusters import add_minutes, query
from tests.warehouse_account import add_run, at

TUESDAY = MONDAY + timedelta(days=1)
ATTO = Decimal("1e-18")


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        account.add_price("0.15")
        account.add_price("0.5", sku=CLUSTER_SKU)
        yield account


def made(database: Database, account: SmallAccount) -> list[dict[str, Any]]:
    """Everything collected and built from nothing; the runs by their id."""
    collect_runs(database, account)
    build_runs(database)
    return runs(database)


def runs(database: Database) -> list[dict[str, Any]]:
    return query(database, "select * from costpulse.job_runs order by workspace_id, run_id")


def costs(database: Database) -> list[tuple[Any, ...]]:
    """(day, run, basis, compute, task seconds, cost) with days counted from MONDAY."""
    return [
        ((row["usage_date"] - MONDAY).days, *list(row.values())[1:])
        for row in query(
            database,
            "select usage_date, run_id, cost_basis, compute_id, task_seconds, cost_usd from costpulse.job_run_costs"
            " order by usage_date, run_id, cost_basis, compute_id",
        )
    ]


# How a run went


def test_a_run_on_its_own_cluster_costs_what_the_bill_says(database, account):
    add_job(account, schedule=("0 0 3 * * ?", "UTC"), run_as_user_name="ada@example.com", tags={"team": "a"})
    add_slice(account, at(3), at(4), setup_duration_seconds=0)
    add_slice(
        account, at(4), at(4.5), "SUCCEEDED", termination_code="SUCCESS", queue_duration_seconds=3,
        setup_duration_seconds=120, execution_duration_seconds=5200,
    )  # fmt: skip
    add_task(account, at(3), at(4.5), "c-job")
    account.add_usage("10", job_id="7", job_run_id="r1", cluster_id="c-job", hour=3)
    account.add_usage("5", job_id="7", job_run_id="r1", cluster_id="c-job", hour=4)
    (run,) = made(database, account)
    assert (run["job_id"], run["job_name"], run["owner"]) == ("7", "nightly", "ada@example.com")
    assert (run["schedule"], run["trigger_type"], run["run_type"]) == ("0 0 3 * * ? (UTC)", "CRON", "JOB_RUN")
    assert (run["tags"], run["started_at"], run["ended_at"]) == ({"team": "a"}, at(3), at(4.5))
    assert (run["duration_seconds"], run["attempts"], run["result_state"]) == (5400, 1, "SUCCEEDED")
    assert (run["queue_seconds"], run["setup_seconds"], run["execution_seconds"]) == (3, 120, 5200)
    assert (run["compute_type"], run["cluster_id"], run["warehouse_id"]) == ("cluster", "c-job", None)
    assert (run["cost_basis"], run["dbu_consumed"], run["cost_usd"]) == ("billed", 15, Decimal("2.25"))
    assert (run["list_cost_usd"], run["apportioned_cost_usd"], run["failed_cost_usd"]) == (Decimal("2.25"), None, 0)
    assert costs(database) == [(0, "r1", "billed", None, 5400, Decimal("2.25"))]


def test_a_run_past_midnight_is_one_run_and_two_days(database, account):
    add_slice(account, at(23), at(24))
    add_slice(account, at(24), at(26), "SUCCEEDED")
    add_task(account, at(23), at(24), "c1")
    add_task(account, at(24), at(26), "c1")
    account.add_usage("10", job_id="7", job_run_id="r1", hour=23)
    account.add_usage("30", job_id="7", job_run_id="r1", day=TUESDAY, hour=0)
    (run,) = made(database, account)
    assert (run["first_usage_date"], run["last_usage_date"]) == (MONDAY, TUESDAY)
    assert (run["duration_seconds"], run["attempts"], run["cost_usd"]) == (3 * 3600, 1, Decimal("6"))
    assert costs(database) == [
        (0, "r1", "billed", None, 3600, Decimal("1.5")),
        (1, "r1", "billed", None, 7200, Decimal("4.5")),
    ]


def test_a_run_still_going_has_no_result_and_no_end(database, account):
    add_slice(account, at(23), at(24))
    (run,) = made(database, account)
    assert (run["result_state"], run["ended_at"], run["attempts"], run["duration_seconds"]) == (None, None, 0, 3600)


def test_a_run_that_never_started_took_no_time_and_cost_nothing(database, account):
    add_slice(account, at(5), at(5), "SKIPPED", termination_code="MAX_CONCURRENT_RUNS_EXCEEDED")
    (run,) = made(database, account)
    assert (run["duration_seconds"], run["result_state"], run["attempts"]) == (0, "SKIPPED", 1)
    assert (run["cost_basis"], run["cost_usd"], run["dbu_consumed"], run["compute_type"]) == (None, None, None, None)


def test_a_run_only_the_bill_knows_is_there_with_its_cost(database, account):
    account.add_usage("10", job_id="7", job_run_id="r1", job_name="nightly", serverless=True)
    (run,) = made(database, account)
    assert (run["job_name"], run["job_id"], run["compute_type"]) == ("nightly", "7", "serverless")
    assert (run["started_at"], run["result_state"], run["attempts"]) == (None, None, 0)
    assert (run["cost_basis"], run["cost_usd"], run["failed_cost_usd"]) == ("billed", Decimal("1.5"), None)
    assert (run["first_usage_date"], run["last_usage_date"]) == (MONDAY, MONDAY)


def test_a_run_without_a_price_has_dbus_and_no_cost(database, account):
    add_slice(account, at(3), at(4), "FAILED")
    account.add_usage("10", job_id="7", job_run_id="r1", sku="PREMIUM_NEW_THING")
    (run,) = made(database, account)
    assert (run["cost_basis"], run["dbu_consumed"]) == ("billed", 10)
    assert (run["cost_usd"], run["list_cost_usd"], run["failed_cost_usd"]) == (None, None, None)


# Names


def test_a_run_shows_the_name_that_its_job_had_when_it_started(database, account):
    add_job(account, "first", changed=at(day=-3))
    add_job(account, "renamed", changed=at(9, day=1))
    for day, run in ((-4, "a"), (0, "b"), (1, "c")):
        add_slice(account, at(3, day=day), at(4, day=day), "SUCCEEDED", run=run)
    # Started under the old name, it ends after the job was renamed.
    add_slice(account, at(23), at(24), run="d")
    add_slice(account, at(24), at(35), "SUCCEEDED", run="d")
    days = days_from(MONDAY - timedelta(days=4), TUESDAY)
    collect_runs(database, account, *days)
    build_runs(database, *days)
    found = {run["run_id"]: run["job_name"] for run in runs(database)}
    assert found == {"a": "first", "b": "first", "c": "renamed", "d": "first"}


def test_a_submitted_run_goes_by_its_own_name(database, account):
    add_slice(account, at(3), at(4), "SUCCEEDED", run_type="SUBMIT_RUN", run_name="夜間バッチ集計", job=None)
    (run,) = made(database, account)
    assert (run["job_name"], run["run_name"], run["job_id"]) == ("夜間バッチ集計", "夜間バッチ集計", None)
    assert (run["owner"], run["schedule"], run["tags"]) == (None, None, {})


def test_a_new_owner_schedule_and_tag_of_a_job_are_seen_in_its_old_runs_too_and_a_new_name_is_not(database, account):
    add_job(account, "nightly", run_as_user_name="ada@example.com", tags={"team": "a"})
    add_job(account, "other", job_id="8", run_as_user_name="eve@example.com")
    for run, job in (("a", "7"), ("b", "8")):
        add_slice(account, at(3), at(4), "SUCCEEDED", run=run, job=job)
    before = made(database, account)
    renamed = {"run_as_user_name": "bob@example.com", "schedule": ("0 0 3 * * ?", "UTC"), "tags": {"team": "b"}}
    add_job(account, "renamed", changed=at(9, day=1), **renamed)
    collect_state(database, account, JOBS, IN_CLEAR)
    rebuild_runs(database, [])
    first, second = runs(database)
    assert (first["owner"], first["tags"]) == ("bob@example.com", {"team": "b"})
    assert "0 0 3 * * ?" in first["schedule"]
    assert first["job_name"] == "nightly"
    assert second == before[1]


# What failed


@pytest.mark.parametrize(
    ("result", "failed"),
    [("FAILED", "1.5"), ("TIMED_OUT", "1.5"), ("ERROR", "1.5"), ("CANCELLED", "0"), ("SUCCEEDED", "0")],
)
def test_all_that_a_failed_run_cost_was_for_nothing(database, account, result, failed):
    add_slice(account, at(3), at(4), result)
    account.add_usage("10", job_id="7", job_run_id="r1")
    (run,) = made(database, account)
    assert (run["cost_usd"], run["failed_cost_usd"]) == (Decimal("1.5"), Decimal(failed))


def test_of_a_repaired_run_the_time_before_the_last_attempt_was_for_nothing(database, account):
    add_slice(account, at(3), at(4))
    add_slice(account, at(4), at(4.5), "FAILED")
    add_slice(account, at(9), at(9.5), "SUCCEEDED")
    account.add_usage("20", job_id="7", job_run_id="r1")
    (run,) = made(database, account)
    assert (run["attempts"], run["result_state"], run["duration_seconds"]) == (2, "SUCCEEDED", 6.5 * 3600)
    assert (run["cost_usd"], run["failed_cost_usd"]) == (Decimal("3"), Decimal("2.25"))


def test_attempts_on_different_days_are_told_apart(database, account):
    add_slice(account, at(22), at(23), "FAILED")
    add_slice(account, at(23), at(23.5), "FAILED")
    add_slice(account, at(30), at(31))
    add_slice(account, at(31), at(31.5), "SUCCEEDED")
    account.add_usage("20", job_id="7", job_run_id="r1")
    (run,) = made(database, account)
    assert (run["attempts"], run["result_state"]) == (3, "SUCCEEDED")
    assert run["failed_cost_usd"] == run["cost_usd"] / 2


def test_a_run_that_is_being_repaired_runs_again_and_has_no_result_yet(database, account):
    add_slice(account, at(22), at(23), "FAILED")
    add_slice(account, at(25), at(26))
    account.add_usage("10", job_id="7", job_run_id="r1")
    (run,) = made(database, account)
    assert (run["attempts"], run["result_state"], run["ended_at"]) == (1, None, None)
    assert (run["cost_usd"], run["failed_cost_usd"]) == (Decimal("1.5"), Decimal("0.75"))


def test_a_repaired_run_that_failed_again_was_for_nothing_as_a_whole(database, account):
    add_slice(account, at(3), at(4), "FAILED")
    add_slice(account, at(5), at(6), "FAILED")
    account.add_usage("10", job_id="7", job_run_id="r1")
    (run,) = made(database, account)
    assert (run["attempts"], run["failed_cost_usd"]) == (2, Decimal("1.5"))


# Shared compute


def test_on_an_all_purpose_cluster_a_run_has_the_share_of_its_time_in_the_time_the_cluster_was_up(database, account):
    add_cluster_usage(account, "80")
    add_minutes(account, at(8), 480)
    for run, hours in (("r1", 1), ("r2", 2)):
        add_slice(account, at(9), at(9 + hours), "SUCCEEDED", run=run)
        add_task(account, at(9), at(9 + hours), "c1", run=run)
    first, second = made(database, account)
    assert (first["cost_basis"], first["compute_type"], first["cluster_id"]) == ("apportioned", "cluster", "c1")
    assert (first["cost_usd"], first["dbu_consumed"], second["cost_usd"]) == (Decimal("5"), Decimal("10"), 10)
    assert first["apportioned_cost_usd"] == first["list_cost_usd"] == first["cost_usd"]


def test_on_a_sql_warehouse_it_is_the_time_the_warehouse_ran(database, account):
    account.add_price("0.7", sku="PREMIUM_SQL_PRO_COMPUTE")
    account.add_usage("40", sku="PREMIUM_SQL_PRO_COMPUTE", product="SQL", warehouse_id="w1", owned_by="x", run_as=None)
    add_run(account, at(8), at(12), warehouse="w1")
    add_slice(account, at(9), at(10), "SUCCEEDED")
    add_task(account, at(9), at(10), "w1")
    (run,) = made(database, account)
    assert (run["cost_basis"], run["compute_type"], run["warehouse_id"]) == ("apportioned", "warehouse", "w1")
    assert run["cost_usd"] == Decimal("7")


def test_where_nobody_knows_how_long_the_cluster_was_up_its_runs_share_all_of_it(database, account):
    add_cluster_usage(account, "90")
    for run, hours in (("r1", 1), ("r2", 2)):
        add_slice(account, at(9), at(9 + hours), "SUCCEEDED", run=run)
        add_task(account, at(9), at(9 + hours), "c1", run=run)
    assert [run["cost_usd"] for run in made(database, account)] == [15, 30]


def test_tasks_side_by_side_for_longer_than_the_cluster_was_up_share_no_more_than_it_cost(database, account):
    add_cluster_usage(account, "100")
    add_minutes(account, at(9), 60)
    for run in ("r1", "r2", "r3"):
        add_slice(account, at(9), at(10), "SUCCEEDED", run=run)
        add_task(account, at(9), at(10), "c1", run=run)
    third = Decimal("16.666666666666666666")
    assert [run["cost_usd"] for run in made(database, account)] == [third] * 3
    assert 3 * third == 50 - 2 * ATTO


def test_a_run_past_midnight_shares_each_day_of_the_cluster_by_itself(database, account):
    add_cluster_usage(account, "80")
    add_cluster_usage(account, "20", day=TUESDAY)
    add_minutes(account, at(20), 240)
    add_minutes(account, at(24), 120)
    add_slice(account, at(22), at(24))
    add_slice(account, at(24), at(25), "SUCCEEDED")
    add_task(account, at(22), at(24), "c1")
    add_task(account, at(24), at(25), "c1")
    (run,) = made(database, account)
    assert costs(database) == [(0, "r1", "apportioned", "c1", 7200, 20), (1, "r1", "apportioned", "c1", 3600, 5)]
    assert run["cost_usd"] == 25


def test_a_run_on_two_clusters_has_a_share_of_each_and_no_single_cluster(database, account):
    add_cluster_usage(account, "10", cluster="c1")
    add_cluster_usage(account, "30", cluster="c2")
    add_slice(account, at(9), at(10), "SUCCEEDED")
    add_task(account, at(9), at(10), "c1", "c2")
    (run,) = made(database, account)
    assert (run["compute_type"], run["cluster_id"], run["cost_usd"]) == ("cluster", None, 20)


def test_apportioned_cost_is_never_added_to_billed_cost(database, account):
    add_cluster_usage(account, "10")
    account.add_usage("10", job_id="7", job_run_id="r1", serverless=True)
    add_slice(account, at(9), at(10), "SUCCEEDED")
    add_task(account, at(9), at(10), "c1")
    (run,) = made(database, account)
    assert (run["cost_basis"], run["compute_type"], run["cost_usd"]) == ("billed", "mixed", Decimal("1.5"))
    assert run["apportioned_cost_usd"] == 5
    assert [row[2] for row in costs(database)] == ["apportioned", "billed"]


def test_a_job_cluster_and_a_cluster_of_a_pipeline_are_not_shared(database, account):
    account.add_usage("10", job_id="7", job_run_id="other", cluster_id="c1")
    account.add_usage("10", dlt_pipeline_id="p", cluster_id="c2", product="DLT")
    add_slice(account, at(9), at(10), "SUCCEEDED")
    add_task(account, at(9), at(10), "c1", "c2")
    found = {run["run_id"]: (run["cost_basis"], run["cost_usd"]) for run in made(database, account)}
    assert found == {"r1": (None, None), "other": ("billed", Decimal("1.5"))}


def test_a_cluster_of_the_same_id_in_another_workspace_is_another_cluster(database, account):
    add_cluster_usage(account, "10", workspace="2002")
    add_slice(account, at(9), at(10), "SUCCEEDED")
    add_task(account, at(9), at(10), "c1")
    assert made(database, account)[0]["cost_basis"] is None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bill=st.decimals("-1000000", "99999999", places=18),
    up_hours=st.integers(0, 24),
    lengths=st.lists(st.integers(0, 86_400), min_size=1, max_size=12),
)
def test_the_runs_of_a_cluster_never_share_more_of_a_day_than_it_cost(
    database: Database, bill: Decimal, up_hours: int, lengths: list[int]
) -> None:
    with database.transaction() as connection:
        for table in ("cost_keys", "daily_key_costs", "node_utilization", "job_task_days"):
            connection.execute(f"delete from costpulse.{table}".encode())
        connection.execute(
            "insert into costpulse.cost_keys (key_id, workspace_id, product, cluster_id, first_usage_date,"
            " last_usage_date) values (gen_random_uuid(), '1001', 'ALL_PURPOSE', 'c1', %(day)s, %(day)s)",
            {"day": MONDAY},
        )
        connection.execute(
            "insert into costpulse.daily_key_costs (usage_date, key_id, sku_name, usage_unit, usage_quantity,"
            " unpriced_quantity, cost_usd, record_count) select %s, k.key_id, 'SKU', 'DBU', 1, 0, %s, 1"
            " from costpulse.cost_keys as k",
            [MONDAY, bill],
        )
        connection.execute(
            "insert into costpulse.node_utilization (usage_date, usage_hour, workspace_id, cluster_id, is_driver,"
            " node_type, node_minutes, node_count, cpu_minutes, mem_minutes, up_minutes, idle_minutes, connection)"
            " select %s, h, '1001', 'c1', true, 'm5.xlarge', 60, 1, '', '', 60, 0, 'here'"
            " from generate_series(1, %s) as g (n) cross join lateral (select g.n - 1 as h) as hours",
            [MONDAY, up_hours],
        )
        connection.execute(
            "insert into costpulse.job_task_days (usage_date, workspace_id, job_run_id, compute_type, compute_id,"
            " task_seconds, connection) select %s, '1001', t.run, 'cluster', 'c1', t.seconds, 'here'"
            " from unnest(%s::bigint[]) with ordinality as t (seconds, run)",
            [MONDAY, lengths],
        )
    build(database, JOB_RUN_COSTS, [MONDAY])
    shares = {int(run): cost for _, run, _, _, _, cost in costs(database)}
    whole = max(up_hours * 3600, sum(lengths))
    assert set(shares) == {number for number, length in enumerate(lengths, 1) if length > 0}
    with localcontext(prec=60):
        assert abs(sum(shares.values())) <= abs(bill)
        for run, share in shares.items():
            assert 0 <= abs(bill * lengths[run - 1] / whole) - abs(share) < ATTO


# What must hold, and what is due


def test_shares_that_are_more_than_the_cluster_cost_are_refused(database, account):
    add_cluster_usage(account, "10")
    add_slice(account, at(9), at(10), "SUCCEEDED")
    add_task(account, at(9), at(10), "c1")
    made(database, account)
    assert database.rows(JOB_RUN_COSTS.check, {"days": [MONDAY]}) == []
    with database.transaction() as connection:
        connection.execute("update costpulse.job_run_costs set cost_usd = cost_usd + 1e-18")
    (found,) = database.rows(JOB_RUN_COSTS.check, {"days": [MONDAY]})
    assert (found["compute_id"], found["expected_cost_usd"], found["derived_cost_usd"]) == ("c1", 5, 5 + ATTO)


def test_billed_cost_that_is_not_that_of_the_bill_is_noticed(database, account):
    account.add_usage("10", job_id="7", job_run_id="r1")
    made(database, account)
    with database.transaction() as connection:
        connection.execute("delete from costpulse.job_run_costs")
    (found,) = database.rows(JOB_RUN_COSTS.check, {"days": [MONDAY]})
    assert (found["expected_cost_usd"], found["derived_cost_usd"]) == (Decimal("1.5"), None)


def test_a_run_whose_cost_is_not_the_sum_of_its_days_stops_the_build(database, account):
    account.add_usage("10", job_id="7", job_run_id="r1")
    made(database, account)
    with database.transaction() as connection:
        connection.execute(
            "create function costpulse.spoil() returns trigger language plpgsql as "
            "$$begin new.cost_usd = new.cost_usd + 1; return new; end$$"
        )
        connection.execute(
            "create trigger spoil before insert on costpulse.job_runs for each row execute function costpulse.spoil()"
        )
    before = runs(database)
    with pytest.raises(InvariantBroken, match="the cost of its days"):
        build_runs(database)
    assert runs(database) == before


def test_building_twice_changes_nothing_but_the_number_and_the_time(database, account):
    add_cluster_usage(account, "10")
    account.add_usage("10", job_id="7", job_run_id="r2", serverless=True)
    for run in ("r1", "r2"):
        add_slice(account, at(9), at(10), "FAILED", run=run)
    add_task(account, at(9), at(10), "c1")
    made(database, account)
    statement = "select (to_jsonb(r) - 'id' - 'built_at')::text as run from costpulse.job_runs as r order by 1"
    before = query(database, statement), costs(database)
    build_runs(database)
    assert (query(database, statement), costs(database)) == before


def test_only_the_runs_of_the_days_are_built_anew(database, account):
    for day, run in ((0, "a"), (1, "b")):
        add_slice(account, at(3, day=day), at(4, day=day), "SUCCEEDED", run=run)
    add_slice(account, at(23.5), at(24.5), run="c")
    add_slice(account, at(24.5), at(25), "SUCCEEDED", run="c")
    before = {run["run_id"]: run["built_at"] for run in made(database, account)}
    build_runs(database, TUESDAY)
    after = {run["run_id"]: run["built_at"] for run in runs(database)}
    assert {run for run in before if before[run] != after[run]} == {"b", "c"}


def test_a_run_that_has_gone_from_the_source_goes_here_too(database, account):
    for run in ("r1", "r2"):
        add_slice(account, at(3), at(4), "SUCCEEDED", run=run)
    account.add_usage("10", job_id="7", job_run_id="r3")
    made(database, account)
    account._connection.execute("delete from dbx_system.lakeflow.job_run_timeline where run_id = 'r1'")
    account.change("delete from billing.usage")
    assert [run["run_id"] for run in made(database, account)] == ["r2"]


def due(database: Database) -> tuple[list[int], list[int]]:
    """Days due of job_run_costs and job_runs, counted from MONDAY."""
    found = (days_to_build(database, table, MONDAY, TUESDAY, only_changed=True) for table in (JOB_RUN_COSTS, JOB_RUNS))
    first, second = ([(day - MONDAY).days for day in days] for days in found)
    return first, second


def test_a_day_is_due_when_its_slices_its_tasks_or_its_bill_changed(database, account):
    add_slice(account, at(3), at(4), "SUCCEEDED")
    account.add_usage("10", job_id="7", job_run_id="r1")
    made(database, account)
    assert due(database) == ([], [])
    collect(database, account, JOB_RUN_DAYS, [TUESDAY])
    assert due(database) == ([], [1])
    collect(database, account, JOB_TASK_DAYS, [MONDAY])
    assert due(database) == ([0], [1])
    build_runs(database, MONDAY)
    assert due(database) == ([], [1])


def test_a_new_price_reaches_the_runs(database, account):
    add_slice(account, at(3), at(4), "SUCCEEDED")
    account.add_usage("10", job_id="7", job_run_id="r1")
    made(database, account)
    with database.transaction() as connection:
        connection.execute("select set_config('costpulse.actor', 'ada', true)")
        connection.execute(
            "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) values ('*', -50, %s)",
            [MONDAY],
        )
    cost_records.reprice(database, [MONDAY], chunk_days=31)
    window = Period(MONDAY, TUESDAY)
    days = due_days(database, JOB_RUN_USAGE, window, today=TUESDAY, only_changed=True)
    assert (days.collect, days.reprice) == ([], [MONDAY])
    reprice_billing_days(database, JOB_RUN_USAGE, days.reprice, chunk_days=31)
    assert due(database)[0] == [0]
    build_runs(database, MONDAY)
    (run,) = runs(database)
    assert (run["list_cost_usd"], run["cost_usd"]) == (Decimal("1.5"), Decimal("0.75"))


def test_the_assets_build_the_days_of_their_run_and_check_them(database, account):
    add_slice(account, at(3), at(4), "SUCCEEDED")
    account.add_usage("10", job_id="7", job_run_id="r1")
    collect_runs(database, account)
    assets = job_assets(pretend_today(TUESDAY), daily_partitions(MONDAY))
    done = dg.materialize(assets, partition_key=MONDAY.isoformat(), resources={"database": database})
    assert [check.passed for check in done.get_asset_check_evaluations()] == [True, True]
    assert [run["cost_usd"] for run in runs(database)] == [Decimal("1.5")]
    assert due(database) == ([1], [1])


def test_a_job_without_a_bill_or_a_timeline_of_tasks_is_no_failure(database, account):
    add_slice(account, at(3), at(4), "SUCCEEDED")
    collect(database, account, JOB_RUN_DAYS, [MONDAY])
    collect_billing_days(
        database, account, JOB_RUN_USAGE, [MONDAY], prices=PRICES, identities=IN_CLEAR, chunk_days=31
    )  # fmt: skip
    build_runs(database, MONDAY)
    (run,) = runs(database)
    assert (run["run_id"], run["job_name"], run["cost_basis"]) == ("r1", None, None)
