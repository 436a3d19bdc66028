"""What is planted in the demo account is found whatever day it ends on: kind, day, cause; quiet weeks stay quiet."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import dagster as dg
import pytest

from costpulse_assets.allocation.demo_rules import give_demo_rules
from costpulse_assets.analysis.anomaly_assets import anomaly_assets
from costpulse_assets.analysis.anomaly_run import detect_anomalies
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount, planted
from tests.analysis.demo_bill import write_demo_bill
from tests.conftest import database as database_of_its_own
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.utilization.demo import ask

DAYS = 180
#: The bill with its roll-ups, and the names of what is in it.
ASSETS = (
    "workspaces", "list_prices", "cost_keys", "cost_records", "collected_days", "collection_log", "key_allocations",
    "cost_allocations", "daily_costs", "daily_key_costs", "completeness", "clusters", "warehouses", "jobs",
    "pipelines", "serving_endpoints",
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """The account on its last day, judged; tests read it only."""

    database: Database
    end: date

    def day(self, offset: int | None) -> date:
        assert offset is not None
        return self.end + timedelta(days=offset)

    def ask(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        return ask(self.database, statement, *parameters)

    def caused_by(self, name: str, around: date) -> dict[str, Any]:
        """The one event that is shown, has days near to this one, and this for its cause; first_recognised: of it or
        of what is rolled up under it."""
        (event,) = self.ask(
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


@contextmanager
def by_the_pipeline(server: str, template: str, end: date) -> Iterator[Judged]:
    """Collected, allocated by the account's rules and judged by the assets."""
    first = end - timedelta(days=DAYS - 1)
    with (
        database_of_its_own(server, template=template) as url,
        ephemeral_instance() as instance,
        DemoAccount(end_date=end, days=DAYS) as account,
    ):
        database = Database(url)
        give_demo_rules(database, Identities(None))
        settings = pretend_today(end, first_usage_date=first)
        assert Pipeline(database, account, settings, instance).run(first, end, *ASSETS).success
        upstream = [dg.AssetSpec(name) for name in ("daily_costs", "daily_key_costs", "completeness")]
        result = dg.materialize(
            [*upstream, *anomaly_assets(settings)],
            resources={"database": dg.ResourceDefinition.hardcoded_resource(database)},
        )
        assert result.success
        assert all(check.passed for check in result.get_asset_check_evaluations())
        yield Judged(database, end)


@contextmanager
def by_its_bill(server: str, template: str, end: date, days: int = DAYS) -> Iterator[Judged]:
    """The same from roll-ups that are made of the bill alone."""
    with database_of_its_own(server, template=template) as url:
        database = Database(url)
        write_demo_bill(database, end=end, days=days)
        detect_anomalies(database, pretend_today(end), now=datetime.combine(end, time(12), tzinfo=UTC))
        yield Judged(database, end)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((by_the_pipeline, date(2026, 11, 24)), id="by the pipeline, a Tuesday"),
        pytest.param((by_its_bill, date(2026, 9, 17)), id="middle of a month"),
        pytest.param((by_its_bill, date(2027, 1, 12)), id="over new year"),
        pytest.param((by_its_bill, date(2027, 3, 31)), id="last day of a quarter"),
    ],
)
def judged(postgres_server: str, migrated_template: str, request: pytest.FixtureRequest) -> Iterator[Judged]:
    made, end = request.param
    with made(postgres_server, migrated_template, end) as account:
        yield account


def fact(kind: planted.Kind, name: str) -> planted.Fact:
    (found,) = (each for each in planted.facts(kind) if each.subject == name)
    return found


@pytest.mark.parametrize(
    ("name", "scope_type"),
    [
        ("nightly_feature_backfill", "job"),
        ("adhoc-analytics-shared", "cluster"),
        ("Finance reporting", "warehouse"),
    ],
)
def test_spikes_are_shown_as_those_of_what_caused_them(judged: Judged, name: str, scope_type: str) -> None:
    spike = fact("spike", name)
    event = judged.caused_by(name, judged.day(spike.first_day))
    assert (event["kind"], event["direction"], event["scope_type"]) == ("spike", "up", scope_type)
    # Of two days one can be a Sunday that stays below a working day.
    assert judged.day(spike.first_day) <= event["start_date"] <= judged.day(spike.last_day)
    assert event["last_date"] >= judged.day(spike.last_day)
    assert event["recognised_on"] <= judged.day(spike.last_day)
    assert event["severity"] in ("high", "critical") or name == "Finance reporting"


def test_the_outage_is_one_event_of_the_workspace_and_everything_else_is_under_it(judged: Judged) -> None:
    outage = fact("outage", "northwind-eu-prod")
    event = judged.caused_by(outage.subject, judged.day(outage.first_day))
    assert (event["kind"], event["direction"], event["scope_type"]) == ("outage", "down", "workspace")
    assert (event["start_date"], event["end_date"]) == (judged.day(outage.first_day), judged.day(outage.last_day))
    assert event["severity"] == "critical"
    on_the_day = judged.ask(
        "select parent_id from costpulse.anomalies where direction = 'down' and start_date = %s",
        judged.day(outage.first_day),
    )
    assert sum(row["parent_id"] == event["id"] for row in on_the_day) >= 10
    assert sum(row["parent_id"] is None for row in on_the_day) == 1


def test_the_leak_is_a_drift_that_goes_on_and_is_recognised_within_three_weeks(judged: Judged) -> None:
    leak = fact("leak", "clickstream_bronze_to_silver")
    event = judged.caused_by(leak.subject, judged.day(leak.first_day))
    assert (event["kind"], event["direction"], event["dimension"]) == ("drift", "up", "pipeline")
    assert abs((event["start_date"] - judged.day(leak.first_day)).days) <= 5
    assert event["end_date"] is None
    assert event["first_recognised"] <= judged.day(leak.first_day) + timedelta(days=21)


def test_the_level_shift_is_shown_as_that_of_the_warehouse_and_recognised_within_ten_days(judged: Judged) -> None:
    shift = fact("level shift", "BI shared")
    event = judged.caused_by(shift.subject, judged.day(shift.first_day))
    assert (event["kind"], event["direction"], event["scope_type"]) == ("level shift", "up", "warehouse")
    assert abs((event["start_date"] - judged.day(shift.first_day)).days) <= 1
    assert event["first_recognised"] <= judged.day(shift.first_day) + timedelta(days=10)


@pytest.mark.parametrize(
    ("name", "dimension", "days_off"),
    # Endpoints have no series of their own, and in a larger scope the day is an estimate.
    [("genai-support-assistant", "endpoint", 3), ("customer_360_refresh", "job", 0)],
)
def test_new_workloads_are_new_sources_from_their_first_day(
    judged: Judged, name: str, dimension: str, days_off: int
) -> None:
    workload = fact("new workload", name)
    event = judged.caused_by(name, judged.day(workload.first_day))
    assert (event["kind"], event["dimension"], event["is_new"]) == ("new source", dimension, True)
    assert abs((event["start_date"] - judged.day(workload.first_day)).days) <= days_off
    assert event["first_recognised"] <= judged.day(workload.first_day) + timedelta(days=3)


def test_in_seventy_days_where_nothing_is_planted_nothing_above_medium_is_shown(
    postgres_server: str, migrated_template: str
) -> None:
    with by_its_bill(postgres_server, migrated_template, date(2026, 11, 24), days=290) as judged:
        # Three months lie before it.
        first, last = judged.day(-200), judged.day(-130)
        assert not any(
            fact.first_day is not None and first <= judged.day(fact.first_day) <= last
            for fact in planted.facts("spike", "outage", "leak", "level shift", "new workload", "price change")
        )
        shown = judged.ask(
            "select scope_type, scope_id, kind, severity, start_date from costpulse.anomalies "
            "where parent_id is null and start_date <= %s and last_date >= %s",
            *(last, first),
        )
    assert [row for row in shown if row["severity"] != "medium"] == []
    # One and a half a week, over some 170 series.
    assert len(shown) <= 15
