"""Several connections, missing grants, days that settle: what every regional table has in common."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account.tables import CATALOG
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.small_account import MONDAY, SmallAccount
from tests.small_clusters import MIDNIGHT, add_cluster, add_minutes

DAY = timedelta(days=1)
REGIONAL = ("clusters", "node_utilization")
Open = Callable[..., Pipeline]


class Region(SmallAccount):
    """An account seen from one region."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        #: Every statement that was tried.
        self.texts: list[str] = []

    def fetch(self, statement: str, parameters: Any = None) -> Any:
        self.texts.append(statement)
        return super().fetch(statement, parameters)


@pytest.fixture
def us() -> Iterator[Region]:
    with Region("us") as region:
        region.add_price("0.15")
        add_cluster(region, "in america", cluster_id="c-us", workspace="1001")
        add_minutes(region, MIDNIGHT, 60, cluster_id="c-us", workspace="1001")
        yield region


@pytest.fixture
def eu() -> Iterator[Region]:
    with Region("eu") as region:
        add_cluster(region, "in europe", cluster_id="c-eu", workspace="2002")
        add_minutes(region, MIDNIGHT, 120, cluster_id="c-eu", workspace="2002")
        yield region


@pytest.fixture
def opened(database_url: str, us: Region, eu: Region) -> Iterator[Open]:
    """The code location with both regions, on a day that the test chooses."""
    with ephemeral_instance() as instance:

        def at(today: date, **settings: Any) -> Pipeline:
            return Pipeline(Database(database_url), us, pretend_today(today, **settings), instance, regions=(us, eu))

        yield at


def clusters(pipeline: Pipeline) -> set[tuple[str, str]]:
    return {(row["cluster_name"], row["connection"]) for row in pipeline.query("select * from costpulse.clusters")}


def hours(pipeline: Pipeline) -> dict[tuple[date, str], int]:
    """Minutes up by day and cluster."""
    return {
        (row["usage_date"], row["cluster_id"]): row["minutes"]
        for row in pipeline.query(
            "select usage_date, cluster_id, sum(up_minutes)::int as minutes from costpulse.node_utilization "
            "group by usage_date, cluster_id"
        )
    }


def states(pipeline: Pipeline) -> dict[tuple[str, str], str]:
    return {
        (row["source"], row["connection"]): row["state"]
        for row in pipeline.query("select source, connection, state from costpulse.collection_status")
    }


def answered(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {
        check.asset_key.to_user_string(): check.passed
        for check in result.get_asset_check_evaluations()
        if check.check_name == "every_connection_answered"
    }


def test_every_region_brings_its_own(opened: Open):
    pipeline = opened(MONDAY)
    result = pipeline.run(MONDAY, MONDAY, *REGIONAL)
    assert result.success
    assert answered(result) == {"clusters": True, "node_utilization": True}
    assert clusters(pipeline) == {("in america", "us"), ("in europe", "eu")}
    assert hours(pipeline) == {(MONDAY, "c-us"): 60, (MONDAY, "c-eu"): 120}


def test_a_region_that_may_not_be_read_leaves_the_other_complete_and_is_named_with_the_grant(opened: Open, eu: Region):
    eu.forbidden = {"system.compute"}
    pipeline = opened(MONDAY)
    result = pipeline.run(MONDAY, MONDAY)
    assert result.success
    assert clusters(pipeline) == {("in america", "us")}
    assert hours(pipeline) == {(MONDAY, "c-us"): 60}
    found = states(pipeline)
    assert found["clusters", "us"] == "ok"
    assert found["clusters", "eu"] == found["node_utilization", "eu"] == "not available"
    assert found["jobs", "eu"] == "ok"
    (row,) = pipeline.query(
        "select message, next_step from costpulse.collection_status where source = 'clusters' and connection = 'eu'"
    )
    assert "GRANT" in row["next_step"]
    assert answered(result)["clusters"] is False
    assert answered(result)["jobs"] is True


def test_the_bills_work_where_nothing_regional_can_be_read(opened: Open, us: Region, eu: Region):
    us.add_usage("10", cluster_id="c-us")
    us.forbidden = eu.forbidden = {"system.compute", "system.lakeflow", "system.query", "system.serving"}
    pipeline = opened(MONDAY)
    assert pipeline.run(MONDAY, MONDAY).success
    (row,) = pipeline.query("select sum(cost_usd) as cost from costpulse.daily_costs")
    assert row["cost"] == pipeline.query("select sum(cost_usd) as cost from costpulse.cluster_daily")[0]["cost"]
    assert pipeline.query("select state from costpulse.cluster_info") == [{"state": "unknown"}]


def test_a_column_that_is_gone_stops_its_own_table_and_is_named(opened: Open, us: Region, eu: Region):
    us.add_usage("10")
    for region in (us, eu):
        region._connection.execute(f"alter table {CATALOG}.lakeflow.jobs drop column paused")
    pipeline = opened(MONDAY)
    result = pipeline.run(MONDAY, MONDAY)
    assert result.success
    assert answered(result)["jobs"] is False
    (row,) = pipeline.query(
        "select state, message from costpulse.collection_status where source = 'jobs' and connection = 'us'"
    )
    assert row["state"] == "failed"
    assert "paused" in row["message"]
    assert states(pipeline)["job_run_days", "us"] == "ok"


def test_a_column_that_is_new_changes_nothing(opened: Open, us: Region):
    us._connection.execute(f"alter table {CATALOG}.compute.clusters add column hostile varchar default 'x'")
    us._connection.execute(f"alter table {CATALOG}.compute.node_timeline add column hostile varchar default 'x'")
    pipeline = opened(MONDAY)
    assert pipeline.run(MONDAY, MONDAY, *REGIONAL).success
    assert ("in america", "us") in clusters(pipeline)


def test_a_day_is_read_again_until_it_is_settled_and_then_left_alone(opened: Open, us: Region):
    for today in (MONDAY, MONDAY + DAY, MONDAY + 2 * DAY):
        opened(today).run(MONDAY, today, *REGIONAL, only_changed=True)
        add_minutes(us, MIDNIGHT + (today - MONDAY) + timedelta(hours=20), 7, cluster_id="c-us")
    # Seen on the first, second and third day; what came after that is read when somebody asks for the day.
    pipeline = opened(MONDAY + 3 * DAY)
    pipeline.run(MONDAY, MONDAY + 3 * DAY, *REGIONAL, only_changed=True)
    assert hours(pipeline)[MONDAY, "c-us"] == 67
    add_minutes(us, MIDNIGHT + timedelta(hours=22), 5, cluster_id="c-us")
    opened(MONDAY + 4 * DAY).run(MONDAY, MONDAY + 4 * DAY, *REGIONAL, only_changed=True)
    assert hours(pipeline)[MONDAY, "c-us"] == 67
    pipeline.run(MONDAY, MONDAY, *REGIONAL)
    assert hours(pipeline)[MONDAY, "c-us"] == 72


def test_a_start_with_a_short_retention_reads_no_older_days(opened: Open):
    today = MONDAY + 10 * DAY
    pipeline = opened(today, retention_days=3)
    pipeline.run(today - 2 * DAY, today, *REGIONAL, only_changed=True)
    (row,) = pipeline.query("select min(usage_date) as oldest from costpulse.collected_region_days")
    assert row["oldest"] == today - 2 * DAY


def test_a_run_soon_after_another_asks_the_source_for_nothing_regional(opened: Open, us: Region, eu: Region):
    pipeline = opened(MONDAY)
    pipeline.run(MONDAY, MONDAY, only_changed=True)
    before = len(us.texts), len(eu.texts)
    assert before[1] > 0
    assert pipeline.run(MONDAY, MONDAY, only_changed=True).success
    assert len(eu.texts) == before[1]
    assert not [text for text in us.texts[before[0] :] if "system.billing" not in text and "workspaces" not in text]


def test_a_region_that_failed_is_asked_again_by_the_next_run(opened: Open, eu: Region):
    eu.forbidden = {"system.compute"}
    pipeline = opened(MONDAY)
    pipeline.run(MONDAY, MONDAY, *REGIONAL, only_changed=True)
    eu.forbidden = set()
    pipeline.run(MONDAY, MONDAY, *REGIONAL, only_changed=True)
    assert clusters(pipeline) == {("in america", "us"), ("in europe", "eu")}
    assert states(pipeline)["clusters", "eu"] == "ok"


def test_a_day_that_the_source_no_longer_keeps_is_never_touched(opened: Open, us: Region):
    opened(MONDAY).run(MONDAY, MONDAY, *REGIONAL)
    us._connection.execute(f"delete from {CATALOG}.compute.node_timeline")
    later = opened(MONDAY + 90 * DAY)
    later.run(MONDAY, MONDAY, *REGIONAL)
    assert hours(later)[MONDAY, "c-us"] == 60


def test_a_workspace_that_two_connections_see_is_counted_once(opened: Open, us: Region, eu: Region):
    add_minutes(eu, MIDNIGHT, 60, cluster_id="c-us", workspace="1001")
    pipeline = opened(MONDAY)
    for _ in range(2):
        pipeline.run(MONDAY, MONDAY, *REGIONAL)
        assert hours(pipeline) == {(MONDAY, "c-us"): 60, (MONDAY, "c-eu"): 120}


def test_names_are_kept_with_the_days_they_were_valid(opened: Open, us: Region):
    first = MIDNIGHT - timedelta(days=30)
    opened(MONDAY).run(MONDAY, MONDAY, *REGIONAL, only_changed=True)
    add_cluster(us, "renamed", cluster_id="c-us", workspace="1001", changed=MIDNIGHT + timedelta(hours=30))
    add_cluster(us, "renamed again", cluster_id="c-us", workspace="1001", changed=MIDNIGHT + timedelta(hours=31))
    pipeline = opened(MONDAY + 2 * DAY)
    for _ in range(2):
        pipeline.run(MONDAY, MONDAY + 2 * DAY, *REGIONAL)
        assert pipeline.query(
            "select name, valid_from, valid_to from costpulse.resource_names where resource_id = 'c-us' order by 2"
        ) == [
            {"name": "in america", "valid_from": first.date(), "valid_to": MONDAY + DAY},
            {"name": "renamed again", "valid_from": MONDAY + DAY, "valid_to": None},
        ]


def test_above_the_budget_for_our_own_queries_only_bills_are_collected_and_that_is_said(
    opened: Open, us: Region, eu: Region
):
    us.add_usage("10", cluster_id="c-us")
    pipeline = opened(MONDAY, self_cost_daily_budget="1.50")
    with pipeline.database.transaction() as connection:
        connection.execute(
            "insert into costpulse.query_costs (usage_date, workspace_id, warehouse_id, kind, is_costpulse, "
            "source_kind, executions, execution_seconds, task_seconds, read_bytes, failed_count, cached_count, "
            "cost_usd) values (%s, '1001', 'w', 'query', true, 'other', 9, 9, 9, 9, 0, 0, 1.51)",
            [MONDAY - DAY],
        )
    result = pipeline.run(MONDAY, MONDAY, only_changed=True)
    assert result.success
    assert pipeline.query("select sum(cost_usd) as cost from costpulse.daily_costs") == [{"cost": Decimal("1.5")}]
    assert eu.texts == []
    assert clusters(pipeline) == set()
    found = states(pipeline)
    assert {found[name, "us"] for name in ("clusters", "node_utilization", "hourly_costs")} == {"stopped"}
    assert found["cost_records", "us"] == "ok"
    (row,) = pipeline.query(
        "select message from costpulse.collection_status where source = 'clusters' and connection = 'eu'"
    )
    assert "1.51 USD on 2026-05-31" in row["message"]
    assert answered(result)["clusters"] is False


def test_a_nul_character_in_a_name_or_tag_stops_nothing(opened: Open, us: Region):
    add_cluster(us, "nul \x00 inside", cluster_id="c-nul", tags={"team": "a\x00b"})
    pipeline = opened(MONDAY)
    assert pipeline.run(MONDAY, MONDAY, *REGIONAL).success
    assert pipeline.query("select cluster_name, tags from costpulse.clusters where cluster_id = 'c-nul'") == [
        {"cluster_name": "nul \ufffd inside", "tags": {"team": "a\ufffdb"}}
    ]


def test_collecting_everything_twice_changes_no_row(opened: Open, us: Region):
    us.add_usage("10", cluster_id="c-us")
    pipeline = opened(MONDAY + 3 * DAY)
    tables = ("clusters", "node_utilization", "resource_names", "hourly_costs", "cluster_daily")
    without = {"clusters": "updated_at"}
    pipeline.run(MONDAY, MONDAY + 3 * DAY)
    before = [
        pipeline.query(f"select to_jsonb(t) - '{without.get(table, '')}' as row from costpulse.{table} t order by 1")
        for table in tables
    ]
    pipeline.run(MONDAY, MONDAY + 3 * DAY)
    after = [
        pipeline.query(f"select to_jsonb(t) - '{without.get(table, '')}' as row from costpulse.{table} t order by 1")
        for table in tables
    ]
    assert all(before)
    assert before == after
