"""The waste planted in warehouses and jobs is found, and each saving is computed again by hand."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from math import ceil
from typing import Any

import pytest

from costpulse_assets.analysis.recommendation_run import final_window, find
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount
from costpulse_assets.settings import Settings
from tests.utilization.demo import END, ask, fact

TYPES = ("warehouse_auto_stop", "warehouse_size", "warehouse_without_queries", "failed_runs", "unused_endpoint")
MINUTE = 60
HOUR = 60 * MINUTE
#: Below it nothing is said.
WORTH_A_WORD = Settings.model_fields["recommendation_minimum_saving"].default


@dataclass(frozen=True)
class Said:
    """What the types find in the demo account; rows by type and name of the resource."""

    window: Period
    rows: dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def said(demo: Database) -> Said:
    """All that is worth a word."""
    with demo.transaction() as connection:
        window = final_window(connection)
        assert window is not None
        find(connection, [RECOMMENDATION_TYPES[name] for name in TYPES], window, today=END)
        rows = connection.execute("select * from found_recommendations").fetchall()
    return Said(
        window,
        {(row["type"], row["resource_name"]): row for row in rows if row["saving_usd"] >= WORTH_A_WORD},
    )


@dataclass(frozen=True)
class HourOf:
    """An hour a warehouse ran."""

    at: datetime
    running: int
    clusters: Decimal
    busy: Decimal
    statements: int
    last: Decimal | None
    starts: int
    cost: Decimal


def hours_of(demo: Database, said: Said, name: str) -> list[HourOf]:
    """Every hour of the window, from the rows that were collected."""
    at = "usage_date, usage_hour, warehouse_id = (select warehouse_id from warehouses where name = %s) as is_it"
    window = "where usage_date between %s and %s"
    read = {
        table: {
            (row["usage_date"], row["usage_hour"]): row
            for row in ask(
                demo, f"select * from (select {at}, {columns} from {table} {window}) as r where is_it",
                name, said.window.first, said.window.last,
            )
        }
        for table, columns in (
            ("warehouse_uptime", "running_seconds, cluster_seconds, start_count"),
            ("warehouse_queries", "busy_ms, executions, last_started_at"),
        )
    }  # fmt: skip
    costs: dict[tuple[date, int], Decimal] = defaultdict(Decimal)
    for row in ask(
        demo, f"select * from (select {at}, cost_usd from hourly_costs {window}) as r where is_it",
        name, said.window.first, said.window.last,
    ):  # fmt: skip
        costs[row["usage_date"], row["usage_hour"]] += row["cost_usd"]
    made = []
    for (day, hour), ran in sorted(read["warehouse_uptime"].items()):
        moment = datetime.combine(day, time(hour), UTC)
        asked = read["warehouse_queries"].get((day, hour), {})
        last = asked.get("last_started_at")
        made.append(
            HourOf(
                moment,
                ran["running_seconds"],
                Decimal(ran["cluster_seconds"]) / ran["running_seconds"],
                Decimal(asked.get("busy_ms", 0)) / 1000,
                asked.get("executions", 0),
                last and Decimal(int((last - moment) / timedelta(microseconds=1))) / 1_000_000,
                ran["start_count"],
                costs[day, hour],
            )
        )
    return made


def beyond(hours: list[HourOf], *, wanted: int, limit: int | None) -> Decimal:
    """Cost of the idle time beyond `wanted` minutes of each stretch, and up to `limit`."""
    saved = Decimal(0)
    so_far = Decimal(0)
    following = {each.at: each for each in hours}
    for number, each in enumerate(hours):
        before = hours[number - 1] if number and hours[number - 1].at == each.at - timedelta(hours=1) else None
        after = following.get(each.at + timedelta(hours=1))
        goes_on = after is not None and after.starts == 0
        is_quiet = each.busy == 0 and each.statements == 0
        if not (is_quiet and before and each.starts == 0):
            so_far = Decimal(0)
        # What runs in an hour that receives no statement began before it.
        last = each.last if each.last is not None else Decimal(0) if before and each.starts == 0 else None
        is_split = each.starts == 1 and before is not None and (before.running == HOUR or before.starts > 0)
        end = Decimal(HOUR if goes_on else each.running)
        if each.starts > 1 or is_split or not (is_quiet or (last is not None and (each.starts == 0 or goes_on))):
            idle = Decimal(0)
        elif is_quiet:
            idle = Decimal(each.running)
        else:
            assert last is not None
            # In whole seconds, rounded to less idle time.
            idle = max(Decimal(0), end - max(ceil(last), end - each.running) - ceil(each.busy))
        start, so_far = so_far, so_far + idle
        top = so_far if limit is None else min(so_far, Decimal(limit * MINUTE))
        seconds = max(Decimal(0), top - max(start, Decimal(wanted * MINUTE)))
        # One cluster idles; an hour without statements idles on all it has.
        share = seconds / each.running / (1 if is_quiet else each.clusters)
        saved += each.cost * share
    return saved


@pytest.mark.parametrize(
    ("kind", "limit"), [("warehouse that never stops", None), ("warehouse with long idle tails", 120)]
)  # fmt: skip
def test_a_warehouse_that_idles_saves_what_the_hours_say(demo: Database, said: Said, kind: Any, limit: Any) -> None:
    name = fact(kind).subject
    found = said.rows["warehouse_auto_stop", name]
    by_hand = beyond(hours_of(demo, said, name), wanted=30, limit=limit)
    assert found["saving_usd"] == pytest.approx(by_hand, abs=Decimal("1e-9"))
    assert found["saving_usd"] > found["resource_cost_usd"] * Decimal("0.2")
    assert (found["setting_from"], found["setting_to"]) == (str(limit or 0), "30")
    assert found["confidence"] == "high"


@pytest.mark.parametrize(
    ("kind", "closeness"),
    [
        ("warehouse that never stops", 0.95),
        ("warehouse with long idle tails", 0.8),
        # Its pauses are shorter than an hour: what of them lies between statements of two hours is not seen.
        ("oversized warehouse", 0.2),
    ],
)
def test_the_avoidable_hours_are_a_lower_bound_of_the_true_ones(
    demo_account: DemoAccount, said: Said, kind: Any, closeness: float
) -> None:
    """The truth: every statement and every change of state of the source, to the second."""
    name = fact(kind).subject
    found = said.rows["warehouse_auto_stop", name]
    avoidable = 0.0
    for start, end in _gaps(demo_account, found["resource_id"], said.window):
        limit = float(found["setting_from"]) * MINUTE or float("inf")
        avoidable += max(0.0, min((end - start).total_seconds(), limit + 1) - 30 * MINUTE)
    assert closeness * avoidable / HOUR < found["evidence"]["avoidable_hours"] <= avoidable / HOUR + 0.02


def _gaps(demo_account: DemoAccount, warehouse: str, window: Period) -> Iterator[tuple[datetime, datetime]]:
    """Stretches of the window in which a warehouse ran and no statement did."""
    first = datetime.combine(window.first, time(), UTC)
    last = datetime.combine(window.last + timedelta(days=1), time(), UTC)
    events = demo_account.fetch(
        "select e.event_time, e.event_type from system.compute.warehouse_events as e where e.warehouse_id = :w "
        "and e.event_type in ('RUNNING', 'STOPPING') order by e.event_time, e.event_type",
        {"w": warehouse},
    ).read_all().to_pylist()  # fmt: skip
    asked = demo_account.fetch(
        "select h.start_time + coalesce(h.waiting_for_compute_duration_ms, 0) * interval 1 millisecond as start, "
        "h.end_time + coalesce(h.result_fetch_duration_ms, 0) * interval 1 millisecond as end "
        "from system.query.history as h where h.compute.warehouse_id = :w order by 1",
        {"w": warehouse},
    ).read_all().to_pylist()  # fmt: skip
    runs = [
        (event["event_time"], next((later["event_time"] for later in events[n + 1 :]), last))
        for n, event in enumerate(events)
        if event["event_type"] == "RUNNING"
    ]
    for start, end in runs:
        start, end = max(_utc(start), first), min(_utc(end), last)
        if start >= end:
            continue
        marks = [(start, start)]
        for each in asked:
            if _utc(each["end"]) > start and _utc(each["start"]) < end:
                marks.append((_utc(each["start"]), max(marks[-1][1], _utc(each["end"]))))
        yield from ((before[1], after[0]) for before, after in pairwise([*marks, (end, end)]) if after[0] > before[1])


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def test_the_screens_that_nobody_looks_at_save_nights_and_weekends(demo: Database, said: Said) -> None:
    name = fact("warehouse that never stops").subject
    found = said.rows["warehouse_without_queries", name]
    stretches: list[list[HourOf]] = []
    for each in hours_of(demo, said, name):
        if each.busy or each.statements:
            continue
        if not stretches or stretches[-1][-1].at != each.at - timedelta(hours=1):
            stretches.append([])
        stretches[-1].append(each)
    saved = sum((each.cost for hours in stretches if len(hours) >= 4 for each in hours[1:]), Decimal(0))
    assert found["saving_usd"] == pytest.approx(saved, abs=Decimal("1e-9"))
    # Eight working hours of five days are left of a week.
    assert 0.6 < found["saving_usd"] / found["resource_cost_usd"] < 0.8
    assert found["evidence"]["weekend_quiet_hours"] > 24 * 8


def test_the_oversized_warehouse_saves_the_difference_of_the_sizes_while_it_waits(demo: Database, said: Said) -> None:
    name = fact("oversized warehouse").subject
    found = said.rows["warehouse_size", name]
    waiting = Decimal(0)
    for each in hours_of(demo, said, name):
        waiting += each.cost * (1 - each.busy / each.running)
    assert found["saving_usd"] == pytest.approx(waiting * (144 - 40) / 144, abs=Decimal("1e-9"))
    assert (found["setting_from"], found["setting_to"]) == ("2X_LARGE", "LARGE")
    assert found["confidence"] == "high"


def test_the_failing_job_saves_what_a_success_in_its_place_does_not_cost(demo: Database, said: Said) -> None:
    name = fact("failing job").subject
    found = said.rows["failed_runs", name]
    runs = ask(
        demo,
        "select attempts, result_state, cost_usd, failed_cost_usd from job_runs where job_name = %s "
        "and first_usage_date >= %s and last_usage_date <= %s",
        name, said.window.first, said.window.last,
    )  # fmt: skip
    successes = [run["cost_usd"] - run["failed_cost_usd"] for run in runs if run["result_state"] == "SUCCEEDED"]
    usual = sum(successes) / len(successes)
    repaired = sum(run["failed_cost_usd"] for run in runs if run["result_state"] == "SUCCEEDED" and run["attempts"] > 1)
    lost = [run["cost_usd"] for run in runs if run["result_state"] in ("FAILED", "TIMED_OUT")]
    assert repaired > 0
    assert lost
    saved = repaired + sum(max(cost - usual, Decimal(0)) for cost in lost)
    assert found["saving_usd"] == pytest.approx(saved, abs=Decimal("1e-9"))
    assert found["wasted_usd"] == pytest.approx(repaired + sum(lost), abs=Decimal("1e-9"))
    assert found["bearer_type"] == "job"


def test_nobody_else_is_told_anything(said: Said) -> None:
    """Each one named here is true; the usual 45 minutes of other warehouses end within the hour they begin in."""
    planted = {
        ("warehouse_auto_stop", fact("warehouse that never stops").subject),
        ("warehouse_auto_stop", fact("warehouse with long idle tails").subject),
        # Stops 45 minutes after the last statement of each day: 15 minutes of the largest size are worth a word.
        ("warehouse_auto_stop", fact("oversized warehouse").subject),
        ("warehouse_size", fact("oversized warehouse").subject),
        ("warehouse_without_queries", fact("warehouse that never stops").subject),
        ("failed_runs", fact("failing job").subject),
    }
    assert set(said.rows) == planted


def test_our_own_warehouse_is_not_among_them(said: Said) -> None:
    assert fact("own warehouse").subject not in {name for _, name in said.rows}


def test_no_saving_is_larger_than_the_bill_of_what_bears_it(demo: Database, said: Said) -> None:
    for (_, name), row in said.rows.items():
        column = "job_id" if row["bearer_type"] == "job" else "warehouse_id"
        (bill,) = ask(
            demo,
            f"select sum(cost_usd) as cost_usd from cost_records where {column} = %s and usage_date between %s and %s",
            row["bearer_id"], said.window.first, said.window.last,
        )  # fmt: skip
        assert 0 < row["saving_usd"] <= row["resource_cost_usd"] <= bill["cost_usd"], name
