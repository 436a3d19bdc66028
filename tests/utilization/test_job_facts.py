"""What the planted facts of the demo account's jobs look like, and what runs cost."""

from datetime import timedelta

from costpulse_assets.collectors.billing_days import differences
from costpulse_assets.collectors.job_runs import JOB_RUN_USAGE
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import planted
from costpulse_assets.utilization.jobs import JOB_RUN_COSTS, JOB_RUNS
from tests.utilization.demo import DAYS, END, ask, documented_queries, fact, read_off


def test_what_runs_cost_adds_up_and_is_never_more_than_the_bill(demo: Database) -> None:
    for check in (JOB_RUN_COSTS.check, JOB_RUNS.check):
        assert demo.rows(check, {"days": DAYS}) == []
    assert differences(demo, JOB_RUN_USAGE, DAYS) == []
    (sums,) = ask(
        demo,
        "select (select sum(cost_usd) from job_run_usage) as billed,"
        " (select sum(cost_usd) from job_runs where cost_basis = 'billed') as of_runs,"
        " (select sum(usage_quantity) from job_run_usage) as dbus,"
        " (select sum(usage_quantity) from cost_records where job_id is not null) as dbus_of_jobs",
    )
    assert 0 < sums["billed"] == sums["of_runs"]
    assert 0 < sums["dbus"] <= sums["dbus_of_jobs"]


def test_a_job_on_all_purpose_compute_has_its_share_of_the_cluster(demo: Database) -> None:
    found = read_off(demo, "job on all-purpose compute")
    assert (found["cluster_name"], found["cost_basis"]) == ("orders-interactive", "apportioned")
    assert found["runs"] > 500
    assert found["least"] > 0


def test_a_job_on_a_sql_warehouse_has_its_share_of_the_warehouse(demo: Database) -> None:
    found = read_off(demo, "job on a SQL warehouse")
    assert (found["warehouse"], found["cost_basis"]) == ("dbt transformations", "apportioned")


def test_the_job_that_fails_most_is_seen_with_what_that_cost(demo: Database) -> None:
    found = read_off(demo, "failing job")
    assert 0.08 < found["share"] < 0.4
    assert 0 < found["failed_cost_usd"] < found["cost_usd"]


def test_a_repaired_run_is_one_run_of_two_attempts_with_a_part_that_was_for_nothing(demo: Database) -> None:
    rows = ask(
        demo,
        "select attempts, result_state, failed_cost_usd, cost_usd from job_runs"
        " where attempts > 1 and result_state = 'SUCCEEDED' and cost_usd > 0",
    )
    assert rows
    assert all(row["attempts"] == 2 and 0 < row["failed_cost_usd"] < row["cost_usd"] for row in rows)


def test_cancelled_runs_are_not_failed_ones(demo: Database) -> None:
    assert read_off(demo, "cancelled runs")["failed_cost_usd"] == 0


def test_runs_that_never_started_took_no_time_and_cost_nothing(demo: Database) -> None:
    found = read_off(demo, "runs that never started")
    assert found["runs"] > 5
    assert (found["longest"], found["with_cost"]) == (0, 0)


def test_a_run_past_midnight_is_one_run_whose_cost_is_split_by_day(demo: Database) -> None:
    found = read_off(demo, "run past midnight")
    assert len(DAYS) - 5 < found["runs"] < len(DAYS)
    assert found["cost_usd"] == found["of_days"] > 0


def test_a_renamed_job_shows_its_old_name_for_old_runs(demo: Database) -> None:
    renamed = fact("renamed job")
    found = read_off(demo, "renamed job")
    assert found["earlier_name"] == planted.OLD_NAMES[renamed.subject]
    assert found["last_day"] == END + timedelta(days=(renamed.first_day or 0) - 1)


def test_a_job_with_a_japanese_name_has_its_runs(demo: Database) -> None:
    (query,) = (query for query in documented_queries() if query.names == (planted.JAPANESE_JOB,))
    (found,) = ask(demo, query.statement)
    assert found["runs"] > 40
    assert found["cost_usd"] > 1000


def test_submitted_runs_have_a_name_and_no_job(demo: Database) -> None:
    found = read_off(demo, "submitted runs")
    assert found["runs"] > 20
    assert (found["with_job"], found["cost_basis"]) == (0, "apportioned")


def test_a_deleted_job_keeps_its_row_and_its_runs(demo: Database) -> None:
    found = read_off(demo, "deleted job")
    assert found["last_day"] <= found["delete_time"].date()
    assert found["last_day"] <= END + timedelta(days=fact("deleted job").last_day or 0)


def test_a_paused_job_has_not_run_since(demo: Database) -> None:
    assert read_off(demo, "paused job")["last_day"] < END + timedelta(days=fact("paused job").first_day or 0)


def test_a_renamed_pipeline_keeps_its_old_name_for_the_days_before(demo: Database) -> None:
    renamed = fact("renamed pipeline")
    found = read_off(demo, "renamed pipeline")
    assert found["earlier_name"] == planted.OLD_NAMES[renamed.subject]
    assert found["until"] == END + timedelta(days=renamed.first_day or 0)
