"""What is recommended for the demo account's clusters, each saving computed again from the source's rows."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.analysis.recommendation_run import final_window, find
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount, planted
from tests.utilization.demo import END, ask, fact

TYPES = ("idle_cluster", "right_size_cluster", "auto_termination", "jobs_on_all_purpose", "weekend_and_night")
NEVER_ENDING = "cluster without auto-termination"
#: Of COSTPULSE_IDLE_MINUTES and COSTPULSE_IDLE_CPU_PERCENT.
IDLE_MINUTES, IDLE_CPU = 30, Decimal(5)
#: Of the declarations.
TARGET_MINUTES, TARGET_CPU, TARGET_MEMORY = 30, Decimal(85), Decimal(90)
TINY = Decimal("1e-9")

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def window(demo: Database) -> Period:
    with demo.transaction() as connection:
        found = final_window(connection)
    assert found is not None
    assert (found.last - found.first).days == 29
    return found


@pytest.fixture(scope="module")
def found(demo: Database, window: Period) -> Rows:
    with demo.transaction() as connection:
        find(connection, [RECOMMENDATION_TYPES[name] for name in TYPES], window, today=END)
        return connection.execute("select * from found_recommendations").fetchall()


class Source:
    """The source's own rows of one cluster in the window."""

    def __init__(self, account: DemoAccount, cluster_id: str, window: Period) -> None:
        self._account, self.window = account, window
        self._parameters = {
            "cluster": cluster_id,
            "first": datetime.combine(window.first, time(), tzinfo=UTC),
            "end": datetime.combine(window.last + timedelta(days=1), time(), tzinfo=UTC),
        }

    def rows(self, statement: str) -> Rows:
        names = [name for name in self._parameters if f":{name}" in statement]
        fetched = self._account.fetch(statement, {name: self._parameters[name] for name in names})
        return list(fetched.read_all().to_pylist())

    def prices(self, sku: str, cloud: str) -> Rows:
        return [
            row
            for row in self.rows(
                "select p.sku_name, p.cloud, p.price_start_time, p.price_end_time, "
                "p.pricing.default as rate from system.billing.list_prices as p"
            )
            if (row["sku_name"], row["cloud"]) == (sku, cloud)
        ]

    def cost_by_day(self) -> dict[date, Decimal]:
        costs: dict[date, Decimal] = defaultdict(Decimal)
        usage = self.rows(
            "select u.usage_date, u.usage_start_time, u.sku_name, u.cloud, u.usage_quantity "
            "from system.billing.usage as u where u.usage_metadata.cluster_id = :cluster "
            "and u.usage_start_time >= :first and u.usage_start_time < :end"
        )
        prices = {
            (sku, cloud): self.prices(sku, cloud) for sku, cloud in {(row["sku_name"], row["cloud"]) for row in usage}
        }
        for row in usage:
            (rate,) = (
                price["rate"]
                for price in prices[row["sku_name"], row["cloud"]]
                if price["price_start_time"] <= row["usage_start_time"]
                and (price["price_end_time"] is None or row["usage_start_time"] < price["price_end_time"])
            )
            costs[row["usage_date"]] += Decimal(row["usage_quantity"]) * Decimal(rate)
        return dict(costs)

    def minutes(self) -> Iterator[tuple[datetime, Rows]]:
        """Each minute in which any node ran, with its nodes."""
        nodes: dict[datetime, Rows] = defaultdict(list)
        for row in self.rows(
            "select n.start_time, n.driver, n.cpu_user_percent, n.cpu_system_percent, n.mem_used_percent "
            "from system.compute.node_timeline as n where n.cluster_id = :cluster "
            "and n.start_time >= :first and n.start_time < :end"
        ):
            nodes[row["start_time"]].append(row)
        yield from sorted(nodes.items())


def cpu_of(node: Mapping[str, Any]) -> Decimal:
    return Decimal(str(node["cpu_user_percent"])) + Decimal(str(node["cpu_system_percent"]))


def cluster_id_of(demo: Database, name: str) -> str:
    (row,) = ask(demo, "select cluster_id from costpulse.cluster_info where cluster_name = %s", name)
    return str(row["cluster_id"])


def one(found: Rows, kind: str, name: str) -> dict[str, Any]:
    (row,) = (row for row in found if (row["type"], row["resource_name"]) == (kind, name))
    return row


def test_the_planted_waste_is_found_and_nothing_else_is_claimed(found: Rows) -> None:
    idle = {fact.subject for fact in planted.facts("idle cluster")}
    expected = {
        *(("idle_cluster", name) for name in idle),
        # idle for twenty hours of each day, and never ended
        ("auto_termination", fact(NEVER_ENDING).subject),
        ("right_size_cluster", fact("over-provisioned cluster").subject),
        ("jobs_on_all_purpose", fact("job on all-purpose compute").subject),
    }
    assert {(row["type"], row["resource_name"]) for row in found} == expected
    assert all(row["confidence"] == "high" for row in found if row["type"] != "jobs_on_all_purpose")


@pytest.mark.parametrize("name", [fact.subject for fact in planted.facts("idle cluster", NEVER_ENDING)])
def test_idle_time_saves_what_its_minutes_say(
    demo: Database, demo_account: DemoAccount, window: Period, found: Rows, name: str
) -> None:
    source = Source(demo_account, cluster_id_of(demo, name), window)
    costs = source.cost_by_day()
    up: dict[date, int] = defaultdict(int)
    stretches: list[list[datetime]] = [[]]
    for minute, nodes in source.minutes():
        up[minute.date()] += 1
        is_quiet = max(map(cpu_of, nodes)) < IDLE_CPU
        if not is_quiet or (stretches[-1] and minute - stretches[-1][-1] > timedelta(minutes=1)):
            stretches.append([])
        if is_quiet:
            stretches[-1].append(minute)
    wasted = saving = Decimal(0)
    for stretch in stretches:
        if len(stretch) > IDLE_MINUTES:
            cost = sum((costs[minute.date()] / up[minute.date()] for minute in stretch), Decimal(0))
            wasted += cost
            saving += cost * (len(stretch) - TARGET_MINUTES) / len(stretch)
    row = one(found, "auto_termination" if name == fact(NEVER_ENDING).subject else "idle_cluster", name)
    assert abs(row["saving_usd"] - saving) < TINY
    assert abs(row["wasted_usd"] - wasted) < TINY
    assert abs(row["resource_cost_usd"] - sum(costs.values())) < TINY
    assert saving > 1000


def test_the_over_provisioned_cluster_gets_the_workers_that_it_needs(
    demo: Database, demo_account: DemoAccount, window: Period, found: Rows
) -> None:
    name = fact("over-provisioned cluster").subject
    source = Source(demo_account, cluster_id_of(demo, name), window)
    costs = source.cost_by_day()
    cpu: dict[datetime, Decimal] = defaultdict(Decimal)
    memory: dict[datetime, Decimal] = defaultdict(Decimal)
    up: dict[datetime, int] = defaultdict(int)
    workers: dict[datetime, int] = defaultdict(int)
    nodes_of_day: dict[date, int] = defaultdict(int)
    for minute, nodes in source.minutes():
        hour = minute.replace(minute=0)
        up[hour] += 1
        nodes_of_day[hour.date()] += len(nodes)
        for node in nodes:
            if not node["driver"]:
                workers[hour] += 1
                cpu[hour] += cpu_of(node)
                memory[hour] += Decimal(str(node["mem_used_percent"]))
    needed = sorted(
        max(
            math.ceil(cpu[hour] / up[hour] / TARGET_CPU),
            math.ceil(memory[hour] / up[hour] / TARGET_MEMORY),
            1,
        )
        for hour in up
    )
    target = needed[math.ceil(len(needed) / 2) - 1]
    saving = Decimal(0)
    for day, cost in costs.items():
        removed = sum(workers[hour] - target * up[hour] for hour in up if hour.date() == day)
        saving += cost * removed / nodes_of_day[day]
    row = one(found, "right_size_cluster", name)
    assert (row["setting_from"], row["setting_to"]) == ("16", str(target))
    assert abs(row["saving_usd"] - saving) < TINY
    assert saving > 1000


def test_the_job_on_all_purpose_compute_would_cost_the_price_of_jobs(
    demo: Database, demo_account: DemoAccount, window: Period, found: Rows
) -> None:
    row = one(found, "jobs_on_all_purpose", fact("job on all-purpose compute").subject)
    source = Source(demo_account, row["bearer_id"], window)
    costs = source.cost_by_day()
    up: dict[date, int] = defaultdict(int)
    for minute, _ in source.minutes():
        up[minute.date()] += 60
    seconds: dict[date, Decimal] = defaultdict(Decimal)
    for part in source.rows(
        "select t.compute, t.period_start_time, t.period_end_time from system.lakeflow.job_task_run_timeline as t "
        "where t.period_start_time >= :first and t.period_start_time < :end"
    ):
        if any(compute["cluster_id"] == row["bearer_id"] for compute in part["compute"] or []):
            length = part["period_end_time"] - part["period_start_time"]
            seconds[part["period_start_time"].date()] += Decimal(length / timedelta(seconds=1))
    (all_purpose,) = source.prices("ENTERPRISE_ALL_PURPOSE_COMPUTE", "AWS")
    (jobs,) = (price for price in source.prices("ENTERPRISE_JOBS_COMPUTE", "AWS") if price["price_end_time"] is None)
    share = 1 - Decimal(jobs["rate"]) / Decimal(all_purpose["rate"])
    saving = sum((costs[day] * seconds[day] / max(up[day], seconds[day]) for day in costs), Decimal(0)) * share
    assert abs(row["saving_usd"] - saving) < TINY
    assert saving > 1000
