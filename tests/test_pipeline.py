"""The code location as a whole: what runs do to the tables, and what a failed run leaves behind."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import dagster as dg
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.errors import DatabaseUnavailable, InvariantBroken
from costpulse_assets.resources.database import Database
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.small_account import JOBS_SKU, MONDAY, SmallAccount

TUESDAY = MONDAY + timedelta(days=1)
TODAY = MONDAY + timedelta(days=20)
MONEY_TABLES = (
    "cost_records",
    "cost_keys",
    "key_allocations",
    "daily_costs",
    "daily_key_costs",
    "weekly_key_costs",
    "daily_resource_costs",
    "daily_team_costs",
    "daily_workspace_costs",
    "daily_sku_costs",
)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        account.add_price("0.15")
        account.add_workspace("1001", "prod")
        yield account


@pytest.fixture
def pipeline(database_url: str, account: SmallAccount) -> Iterator[Pipeline]:
    with ephemeral_instance() as instance:
        yield Pipeline(Database(database_url), account, pretend_today(TODAY), instance)


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    return {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}


def test_one_run_fills_every_table_and_all_checks_are_green(pipeline, account):
    account.add_usage("10", tags={"team": "a"}, job_id="7", job_name="nightly")
    account.add_usage("4", day=TODAY, workspace=None)
    result = pipeline.run(MONDAY, TODAY)
    assert result.success
    assert failed_checks(result) == set()
    for table in (*MONEY_TABLES, "workspaces", "list_prices", "collected_days", "collection_log", "completeness"):
        assert pipeline.query(f"select count(*) as n from costpulse.{table}")[0]["n"] > 0, table
    assert pipeline.query("select cost_usd from costpulse.daily_costs where usage_date = %s", MONDAY) == [
        {"cost_usd": Decimal("1.5")}
    ]
    assert pipeline.query("select name, host, cloud from costpulse.workspaces") == [
        {"name": "prod", "host": "prod.cloud.example.com", "cloud": "AWS"}
    ]


def test_running_twice_changes_no_row(pipeline, account):
    account.add_usage("10")
    account.add_usage("3", sku="PREMIUM_UNPRICED")
    pipeline.run(MONDAY, TUESDAY)
    before = pipeline.snapshot(*MONEY_TABLES)
    pipeline.run(MONDAY, TUESDAY)
    assert pipeline.snapshot(*MONEY_TABLES) == before


def test_a_scheduled_run_leaves_unchanged_days_untouched_and_says_so(pipeline, account):
    account.add_usage("10")
    account.add_usage("10", day=TUESDAY)
    pipeline.run(MONDAY, TODAY, only_changed=True)
    books = pipeline.snapshot("collected_days", "built_days")
    result = pipeline.run(MONDAY, TODAY, only_changed=True)
    assert result.success
    assert pipeline.snapshot("collected_days", "built_days") == books
    (event,) = result.asset_materializations_for_node("cost_records")[:1]
    cost_records = next(
        m for m in result.asset_materializations_for_node("cost_records") if m.asset_key.path == ["cost_records"]
    )
    assert event is not None
    assert cost_records.metadata["days left untouched (unchanged at the source)"].value == 21
    assert cost_records.metadata["days collected"].value == 0


def test_a_restatement_changes_exactly_its_day_all_the_way_down(pipeline, account):
    account.add_usage("10")
    account.add_usage("20", day=TUESDAY)
    pipeline.run(MONDAY, TODAY, only_changed=True)
    account.add_usage("-10", record_type="RETRACTION", ingested=TODAY)
    account.add_usage("6", record_type="RESTATEMENT", ingested=TODAY, tags={"team": "b"})
    pipeline.run(TODAY, TODAY, only_changed=True)  # outside of the window: nobody looks at Monday
    assert _cost(pipeline, MONDAY) == Decimal("1.5")
    built = "select asset, usage_date, built_at from costpulse.built_days"
    before = {(row["asset"], row["usage_date"]): row["built_at"] for row in pipeline.query(built)}
    pipeline.run(MONDAY, TODAY, only_changed=True)
    assert (_cost(pipeline, MONDAY), _cost(pipeline, TUESDAY)) == (Decimal("0.9"), Decimal("3.0"))
    after = {(row["asset"], row["usage_date"]): row["built_at"] for row in pipeline.query(built)}
    assert {key for key in after if after[key] != before[key]} == {(asset, MONDAY) for asset, _ in after}


def test_a_late_price_is_found_by_the_scheduled_run_even_outside_its_window(pipeline, account):
    account.add_usage("10", sku="PREMIUM_LATE")
    pipeline.run(MONDAY, TODAY, only_changed=True)
    assert _cost(pipeline, MONDAY) is None
    account.add_price("0.2", sku="PREMIUM_LATE")
    assert pipeline.run(TODAY, TODAY, only_changed=True).success
    assert _cost(pipeline, MONDAY) == Decimal("2")


def test_a_price_adjustment_reprices_through_the_roll_ups(pipeline, account):
    account.add_usage("10")
    pipeline.run(MONDAY, TODAY, only_changed=True)
    pipeline.query(
        "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) "
        "values ('*JOBS*', -10, '2026-01-01') returning id"
    )
    assert pipeline.run(TODAY, TODAY, only_changed=True).success
    (row,) = pipeline.query("select cost_usd, list_cost_usd from costpulse.daily_costs")
    assert row == {"cost_usd": Decimal("1.35"), "list_cost_usd": Decimal("1.5")}


def test_usage_without_price_fails_the_warning_check_by_name_but_not_the_run(pipeline, account):
    account.add_usage("10", sku="PREMIUM_NEW")
    result = pipeline.run(MONDAY)
    assert result.success
    assert failed_checks(result) == {"unpriced_share", "usage_is_fresh"}
    check = next(c for c in result.get_asset_check_evaluations() if c.check_name == "unpriced_share")
    assert check.metadata["SKUs without a price"].value == "PREMIUM_NEW"


def test_a_tampered_roll_up_is_found_before_anything_is_visible(pipeline, account):
    account.add_usage("10")
    pipeline.run(MONDAY)
    # as a bug in the pass would: money that is not in cost_records
    pipeline.query("update costpulse.key_allocations set cost_usd = cost_usd + 1e-18 returning 1 as x")
    before = pipeline.snapshot("daily_costs")
    result = pipeline.run(MONDAY, MONDAY, "daily_costs")
    assert not result.success
    failure = result.failure_data_for_node("daily_costs")
    assert failure is not None
    assert "daily_costs would not add up to cost_records" in str(failure.user_failure_data.description)
    assert pipeline.snapshot("daily_costs") == before


def test_every_named_failure_reaches_the_run_with_its_next_step_and_permanent_ones_are_not_retried(pipeline, account):
    account.forbidden.add("system.access.workspaces_latest")
    result = pipeline.run(MONDAY)
    failure = result.failure_data_for_node("workspaces")
    assert failure is not None
    assert failure.user_failure_data.metadata["failure"].value == "SourceForbidden"
    assert failure.user_failure_data.metadata["next step"].value
    assert not result.retry_attempts_for_node("workspaces")
    (status,) = pipeline.query("select state, next_step from costpulse.collection_status where source = 'workspaces'")
    assert status["state"] == "not available"
    # everything else went on
    assert pipeline.query("select count(*) as n from costpulse.completeness")[0]["n"] == 1


def test_selecting_one_table_of_the_collector_writes_all_four_and_reports_one(pipeline, account):
    account.add_usage("10")
    result = pipeline.run(MONDAY, MONDAY, "cost_keys")
    assert result.success
    assert [m.asset_key.to_user_string() for m in result.asset_materializations_for_node("cost_records")] == [
        "cost_keys"
    ]
    assert pipeline.query("select count(*) as n from costpulse.cost_records")[0]["n"] == 1


def test_days_are_provisional_until_they_are_in(pipeline, account):
    for back in range(40):
        day = TODAY - timedelta(days=back)
        account.add_usage("6", day=day, ingested=day)
        account.add_usage("4", day=day, ingested=day + timedelta(days=1), run_as="late@example.com")
    account.change(f"delete from billing.usage where ingestion_date > date '{TODAY}'")
    pipeline.run(TODAY - timedelta(days=39), TODAY)
    days = {
        row["usage_date"]: row for row in pipeline.query("select * from costpulse.completeness order by usage_date")
    }
    today, yesterday = days[TODAY], days[TODAY - timedelta(days=1)]
    assert today["is_provisional"]
    # All is used at three o'clock, and 60 % of it arrive on the day itself.
    assert today["share_in"] == Decimal("0.6")
    assert today["expected_cost"] == Decimal("1.5")
    assert yesterday["is_provisional"]
    assert not days[TODAY - timedelta(days=2)]["is_provisional"]


QUANTITIES = st.decimals(min_value=-1000, max_value=1000, places=18, allow_nan=False).map(str)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            QUANTITIES,
            st.sampled_from([MONDAY, TUESDAY]),
            st.sampled_from([JOBS_SKU, "PREMIUM_UNPRICED"]),
            st.sampled_from(["1001", "1002", None]),
            st.sampled_from(["ORIGINAL", "RETRACTION", "RESTATEMENT"]),
            st.sampled_from([None, {}, {"team": "a"}, {"team": 'é"\\'}]),
        ),
        max_size=12,
    )
)
def test_no_quantity_and_no_dollar_is_ever_lost_or_invented(pipeline, account, rows):
    account.change("delete from billing.usage")
    for quantity, day, sku, workspace, record_type, tags in rows:
        account.add_usage(quantity, day=day, sku=sku, workspace=workspace, record_type=record_type, tags=tags)
    assert pipeline.run(MONDAY, TUESDAY).success
    total = sum((Decimal(row[0]) for row in rows), Decimal(0))
    for table in ("cost_records", "key_allocations", "daily_costs", "daily_key_costs"):
        (found,) = pipeline.query(
            f"select coalesce(sum(usage_quantity), 0) as q, sum(cost_usd) c from costpulse.{table}"
        )
        assert found["q"] == total
        assert found["c"] == pipeline.query("select sum(cost_usd) as c from costpulse.cost_records")[0]["c"]


def test_the_schedules_ask_for_one_run_over_the_trailing_window(pipeline):
    for name, days in (("collect_trailing_days", 40), ("rescan_retention", 365)):
        schedule = pipeline.definitions().resolve_schedule_def(name)
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
        context = dg.build_schedule_context(
            instance=pipeline.instance, scheduled_execution_time=datetime(2026, 6, 21, tzinfo=UTC)
        )
        (request,) = schedule.evaluate_tick(context).run_requests
        first = max(date(2026, 1, 1), TODAY - timedelta(days=days - 1))
        assert request.tags["dagster/asset_partition_range_start"] == first.isoformat()
        assert request.tags["dagster/asset_partition_range_end"] == TODAY.isoformat()
        assert request.tags["costpulse/only_changed"] == "true"


def test_the_database_going_away_in_mid_run_is_a_named_failure_and_nothing_is_half_written(pipeline, account):
    account.add_usage("10")
    pipeline.run(MONDAY)
    before = pipeline.snapshot("daily_costs", "built_days")

    def write_while_the_server_hangs_up() -> None:
        with pipeline.database.writing() as connection:
            connection.execute("delete from costpulse.daily_costs")
            with psycopg.connect(pipeline.database.url, autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
            connection.execute("select 1")

    with pytest.raises(DatabaseUnavailable):
        write_while_the_server_hangs_up()
    assert pipeline.snapshot("daily_costs", "built_days") == before


def test_an_invariant_names_the_difference_and_the_file_that_found_it(pipeline, account):
    from costpulse_assets.derived_days import DerivedTable, build

    account.add_usage("10")
    pipeline.run(MONDAY)
    broken = DerivedTable("daily_costs", "key_allocations", ("daily_team_costs",), "checks/daily_costs_conserve")
    pipeline.query("delete from costpulse.daily_costs returning 1 as x")
    with pytest.raises(InvariantBroken, match="1 differences, the first: usage_date=2026-06-01"):
        build(pipeline.database, broken, [MONDAY])


def test_a_week_that_is_not_the_sum_of_its_days_is_found(pipeline, account):
    account.add_usage("10")
    account.add_usage("20", day=TUESDAY)
    pipeline.run(MONDAY, TUESDAY)
    (week,) = pipeline.query("select week, sum(cost_usd) as cost from costpulse.weekly_key_costs group by week")
    assert week == {"week": MONDAY, "cost": _cost(pipeline, MONDAY) + _cost(pipeline, TUESDAY)}
    check = {"days": [MONDAY]}
    assert pipeline.database.rows("checks/daily_key_costs_conserve", check) == []
    pipeline.query("update costpulse.weekly_key_costs set cost_usd = cost_usd + 1e-18 returning 1 as x")
    (difference,) = pipeline.database.rows("checks/daily_key_costs_conserve", check)
    assert (difference["usage_date"], difference["recorded_cost_usd"]) == (MONDAY, week["cost"])


def _cost(pipeline: Pipeline, day: date) -> Decimal | None:
    return pipeline.query("select sum(cost_usd) as c from costpulse.daily_costs where usage_date = %s", day)[0]["c"]


def test_the_sensor_asks_for_one_run_after_an_adjustment_changed_and_then_rests(pipeline, account):
    account.add_usage("10")
    pipeline.run(MONDAY, TODAY, only_changed=True)
    pipeline.settings = pretend_today(TODAY, database_url=pipeline.database.url)
    repository = pipeline.definitions().get_repository_def()
    sensor = repository.get_sensor_def("reprice_changed_days")

    def tick(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
        with dg.build_sensor_context(instance=pipeline.instance, cursor=cursor, repository_def=repository) as context:
            return sensor(context)

    assert isinstance(tick(None), dg.SkipReason)
    pipeline.query(
        "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) "
        "values ('*', -10, '2026-01-01') returning id"
    )
    asked = tick(None)
    assert isinstance(asked, dg.SensorResult)
    (request,) = asked.run_requests or []
    assert request.tags["costpulse/only_changed"] == "true"
    assert [event.asset_key.to_user_string() for event in asked.asset_events] == ["price_adjustments"]
    assert isinstance(tick(asked.cursor), dg.SkipReason)


def test_checks_can_be_executed_alone_and_leave_the_source_alone(pipeline, account):
    account.add_usage("10")
    pipeline.run(MONDAY)
    asked = len(account.statements)
    check = dg.AssetCheckKey(dg.AssetKey("cost_records"), "control_totals_match")
    job = pipeline.definitions().resolve_implicit_global_asset_job_def()
    result = job.get_subset(asset_selection=set(), asset_check_selection={check}).execute_in_process(
        instance=pipeline.instance, run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    )
    assert [(c.check_name, c.passed) for c in result.get_asset_check_evaluations()] == [("control_totals_match", True)]
    assert len(account.statements) == asked
    pipeline.query("update costpulse.cost_records set record_count = 7 returning 1 as x")
    result = job.get_subset(asset_selection=set(), asset_check_selection={check}).execute_in_process(
        instance=pipeline.instance,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    assert [c.passed for c in result.get_asset_check_evaluations()] == [False]


def test_a_failure_that_is_not_the_sources_is_not_recorded_as_success(pipeline, account):
    account.add_usage("10")
    with pipeline.database.transaction() as connection:
        connection.execute("alter table costpulse.cost_records add constraint nothing check (usage_quantity > 99)")
    assert not pipeline.run(MONDAY, MONDAY, "cost_records").success
    (status,) = pipeline.query("select state, succeeded_at from costpulse.collection_status")
    assert status == {"state": "failed", "succeeded_at": None}
