"""What is planted in the demo account is found by the real pipeline: kind, day, cause; quiet weeks stay quiet."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from costpulse_assets.allocation.demo_rules import give_demo_rules
from costpulse_assets.analysis.anomaly_assets import anomaly_assets
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount, planted
from tests.conftest import database as database_of_its_own
from tests.pipeline import Pipeline, pretend_today
from tests.utilization.demo import ask

END = date(2026, 11, 24)
DAYS = 290
#: Nothing is planted here, and three months lie before it.
QUIET = (END - timedelta(days=200), END - timedelta(days=130))
#: The bill with its roll-ups, and the names of what is in it.
ASSETS = (
    "workspaces", "list_prices", "cost_keys", "cost_records", "collected_days", "collection_log", "key_allocations",
    "cost_allocations", "daily_costs", "daily_key_costs", "completeness", "clusters", "warehouses", "jobs",
    "pipelines", "serving_endpoints",
)  # fmt: skip


@pytest.fixture(scope="module")
def judged(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """The account at its end, with its rules, collected and judged; tests read it only."""
    first = END - timedelta(days=DAYS - 1)
    with (
        database_of_its_own(postgres_server, template=migrated_template) as url,
        dg.DagsterInstance.ephemeral() as instance,
        DemoAccount(end_date=END, days=DAYS) as account,
    ):
        database = Database(url)
        give_demo_rules(database, Identities(None))
        settings = pretend_today(END, first_usage_date=first)
        assert Pipeline(database, account, settings, instance).run(first, END, *ASSETS).success
        upstream = [dg.AssetSpec(name) for name in ("daily_costs", "daily_key_costs", "completeness")]
        result = dg.materialize(
            [*upstream, *anomaly_assets(settings)],
            resources={"database": dg.ResourceDefinition.hardcoded_resource(database)},
        )
        assert result.success
        assert all(check.passed for check in result.get_asset_check_evaluations())
        yield database


def fact(kind: planted.Kind, name: str) -> planted.Fact:
    (found,) = (each for each in planted.facts(kind) if each.subject == name and (each.first_day or 0) > -100)
    return found


def day(offset: int | None) -> date:
    assert offset is not None
    return END + timedelta(days=offset)


def caused_by(judged: Database, name: str, around: date) -> dict[str, Any]:
    """The one event that is shown, has days near to this one, and this for its cause; first_recognised: of it or of
    what is rolled up under it."""
    (event,) = ask(
        judged,
        """
        select
            a.*, c.dimension, c.share, c.is_new,
            (
                select min(f.recognised_on) from costpulse.anomalies as f where a.id in (f.id, f.parent_id)
            ) as first_recognised
        from costpulse.anomalies as a
        inner join costpulse.anomaly_causes as c on a.id = c.anomaly_id and c.is_main
        where
            a.parent_id is null and c.name = %s
            and a.start_date between %s::date - 14 and %s::date + 3
        """,
        *(name, around, around),
    )
    return event


def test_the_spike_is_found_on_its_day_with_the_job_that_caused_it(judged: Database) -> None:
    spike = fact("spike", "nightly_feature_backfill")
    event = caused_by(judged, spike.subject, day(spike.first_day))
    assert (event["kind"], event["direction"], event["dimension"]) == ("spike", "up", "job")
    assert (event["start_date"], event["end_date"]) == (day(spike.first_day), day(spike.last_day))
    assert event["share"] > 0.8


def test_the_outage_is_one_event_of_the_workspace_and_everything_in_it_is_under_it(judged: Database) -> None:
    outage = fact("outage", "northwind-eu-prod")
    event = caused_by(judged, outage.subject, day(outage.first_day))
    assert (event["kind"], event["direction"], event["scope_type"]) == ("outage", "down", "workspace")
    assert (event["start_date"], event["end_date"]) == (day(outage.first_day), day(outage.last_day))
    on_the_day = ask(
        judged,
        "select parent_id from costpulse.anomalies where direction = 'down' and %s between start_date and last_date",
        day(outage.first_day),
    )
    assert sum(row["parent_id"] == event["id"] for row in on_the_day) >= 10
    assert sum(row["parent_id"] is None for row in on_the_day) == 1


def test_the_leak_is_a_drift_that_goes_on_and_is_recognised_within_three_weeks(judged: Database) -> None:
    leak = fact("leak", "clickstream_bronze_to_silver")
    event = caused_by(judged, leak.subject, day(leak.first_day))
    assert (event["kind"], event["direction"], event["dimension"]) == ("drift", "up", "pipeline")
    assert abs((event["start_date"] - day(leak.first_day)).days) <= 5
    assert event["end_date"] is None
    assert event["first_recognised"] <= day(leak.first_day) + timedelta(days=21)


def test_the_level_shift_is_found_on_its_day_and_recognised_within_ten(judged: Database) -> None:
    shift = fact("level shift", "BI shared")
    event = caused_by(judged, shift.subject, day(shift.first_day))
    assert (event["kind"], event["direction"], event["dimension"]) == ("level shift", "up", "warehouse")
    assert abs((event["start_date"] - day(shift.first_day)).days) <= 1
    assert event["first_recognised"] <= day(shift.first_day) + timedelta(days=10)
    assert event["share"] > 0.8


@pytest.mark.parametrize(
    ("name", "dimension"), [("genai-support-assistant", "endpoint"), ("customer_360_refresh", "job")]
)
def test_new_workloads_are_new_sources_from_about_their_first_day(judged: Database, name: str, dimension: str) -> None:
    workload = fact("new workload", name)
    event = caused_by(judged, name, day(workload.first_day))
    assert (event["kind"], event["dimension"], event["is_new"]) == ("new source", dimension, True)
    # In a large scope the day is an estimate.
    assert abs((event["start_date"] - day(workload.first_day)).days) <= 3
    assert event["first_recognised"] <= day(workload.first_day) + timedelta(days=3)


def test_in_seventy_days_where_nothing_is_planted_nothing_above_medium_is_shown(judged: Database) -> None:
    first, last = QUIET
    assert not any(
        fact.first_day is not None and first <= day(fact.first_day) <= last
        for fact in planted.facts("spike", "outage", "leak", "level shift", "new workload", "price change")
    )
    shown = ask(
        judged,
        "select scope_type, scope_id, kind, severity, start_date from costpulse.anomalies "
        "where parent_id is null and start_date <= %s and last_date >= %s",
        *(last, first),
    )
    assert [row for row in shown if row["severity"] != "medium"] == []
    # One and a half a week, over some 150 series.
    assert len(shown) <= 15
