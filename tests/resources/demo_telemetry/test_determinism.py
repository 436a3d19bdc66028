"""The same arguments give the same telemetry, whatever else differs, and each row is there once."""

from collections import Counter

import duckdb
import pytest

from costpulse_assets.resources.demo_account import DemoAccount
from costpulse_assets.resources.demo_account.account import _build
from costpulse_assets.resources.demo_account.tables import CATALOG
from tests.resources.test_demo_account import END, day

#: The tables that are made from what was worked, with the column that dates a row.
TELEMETRY = {
    "compute.clusters": "change_time",
    "compute.node_timeline": "end_time",
    "compute.warehouse_events": "event_time",
    "lakeflow.job_run_timeline": "period_end_time",
    "lakeflow.job_task_run_timeline": "period_end_time",
    "lakeflow.pipeline_update_timeline": "period_end_time",
    "query.history": "end_time",
}
KEYS = {
    "compute.clusters": "workspace_id, cluster_id, change_time",
    "compute.node_types": "node_type",
    "compute.node_timeline": "workspace_id, cluster_id, instance_id, start_time",
    "compute.warehouse_events": "workspace_id, warehouse_id, event_time, event_type",
    "lakeflow.jobs": "workspace_id, job_id, change_time",
    "lakeflow.job_run_timeline": "workspace_id, run_id, period_start_time",
    "lakeflow.job_task_run_timeline": "workspace_id, run_id, period_start_time",
    "lakeflow.pipelines": "workspace_id, pipeline_id, change_time",
    "lakeflow.pipeline_update_timeline": "workspace_id, update_id, period_start_time",
    "query.history": "statement_id",
    "serving.served_entities": "served_entity_id, change_time",
}


def contents(account, table, since=None):
    """The rows of a table as text, counted."""
    condition = f"where t.{TELEMETRY[table]} >= timestamptz '{since}T01:00:00Z'" if since else ""
    return Counter(
        text
        for (text,) in account._connection.execute(
            f"select md5(cast(t as varchar)) from {CATALOG}.{table} as t {condition}"
        ).fetchall()
    )


def test_a_longer_history_leaves_the_telemetry_of_the_days_in_both_as_it_is(account):
    with DemoAccount(end_date=END, days=9) as shorter:
        for table in TELEMETRY:
            # What ends within the first hour may have begun the day before; the shorter history lacks it.
            assert contents(shorter, table, day(-8)) == contents(account, table, day(-8)), table


def test_a_later_look_adds_telemetry_and_changes_nothing_else():
    with (
        DemoAccount(end_date=END, days=12, as_of=day(-3)) as earlier,
        DemoAccount(end_date=END, days=12, as_of=day(2)) as later,
    ):
        for table, column in TELEMETRY.items():
            before, after = contents(earlier, table), contents(later, table)
            assert not before - after, table
            assert after.total() > before.total(), table
            newest = earlier.fetch(f"select max(t.{column}) as t from system.{table} as t").read_all()["t"][0].as_py()
            assert newest.date() == day(-3), table
            assert newest.hour <= 12, table
        for table in ("lakeflow.jobs", "lakeflow.pipelines", "serving.served_entities", "compute.node_types"):
            assert not contents(earlier, table) - contents(later, table), table


def test_the_number_of_threads_changes_no_row():
    facts = {"seed": 7, "days": 4, "end_date": END.isoformat(), "as_of": END.isoformat()}
    with DemoAccount(end_date=END, days=4) as two, duckdb.connect(config={"threads": 1}) as connection:
        _build(connection, ":memory:", facts)
        for table in TELEMETRY:
            alone = Counter(
                text
                for (text,) in connection.execute(
                    f"select md5(cast(t as varchar)) from {CATALOG}.{table} as t"
                ).fetchall()
            )
            assert alone == contents(two, table), table


def test_another_seed_gives_other_telemetry():
    with DemoAccount(end_date=END, days=3) as first, DemoAccount(end_date=END, days=3, seed=8) as other:
        assert not contents(first, "query.history") & contents(other, "query.history")
        assert not contents(first, "lakeflow.job_run_timeline") & contents(other, "lakeflow.job_run_timeline")


def test_before_its_first_day_the_account_has_names_but_no_telemetry():
    with DemoAccount(end_date=END, days=5, as_of=day(-40)) as early:
        for table in set(TELEMETRY) - {"compute.clusters", "compute.warehouse_events"}:
            assert not contents(early, table), table
        assert contents(early, "compute.node_types")


def test_nothing_that_made_the_telemetry_is_left_behind(account):
    left = account._connection.execute(
        "select table_name from duckdb_tables() where database_name <> $catalog "
        "union all select function_name from duckdb_functions() where database_name = 'temp'",
        {"catalog": CATALOG},
    ).fetchall()

    assert left == []


@pytest.mark.parametrize("table", KEYS)
def test_the_documented_key_identifies_a_row(one, table):
    found = one(f"select count(*) as n, count(distinct {KEYS[table]}) as d from system.{table}")

    assert found["n"] == found["d"] > 0
