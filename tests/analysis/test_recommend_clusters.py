"""Idle clusters, automatic termination, nights and weekends: what is said of clusters typed hour by hour."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.resources.database import Database
from tests.analysis.cluster_account import DAYS, FIRST, LAST, ClusterAccount, emptied, look
from tests.conftest import database as database_of_its_own

CLUSTER_TYPES = ("idle_cluster", "auto_termination", "weekend_and_night", "right_size_cluster", "jobs_on_all_purpose")
IDLE = ("idle_cluster", "auto_termination", "weekend_and_night")
TINY = Decimal("1e-9")
POOL_KEEPS = "Its pool may keep the machines: what they cost at the cloud provider is not counted."


@pytest.fixture(scope="module")
def database(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    with database_of_its_own(postgres_server, template=migrated_template) as url:
        yield Database(url)


@pytest.fixture
def account(database: Database) -> ClusterAccount:
    return ClusterAccount(emptied(database))


def near(value: Decimal, expected: str) -> bool:
    return abs(value - Decimal(expected)) < TINY


def test_an_idle_cluster_saves_all_but_what_automatic_termination_leaves(account: ClusterAccount) -> None:
    account.cluster(auto_termination=4320)
    account.always_up()
    account.cost("24")
    (row,) = account.found("idle_cluster")
    # a dollar an hour, idle in one stretch: half an hour of it would have remained
    assert near(row["saving_usd"], "719.5")
    assert row["wasted_usd"] == row["resource_cost_usd"] == 720
    assert (row["setting"], row["setting_from"], row["setting_to"]) == ("auto_termination_minutes", "4320", "30")
    assert (row["confidence"], row["person"], row["bearer_id"]) == ("high", "ada@example.com", "c1")
    assert row["title"] == 'Delete "lab", or let it stop after 30 idle minutes: nobody seems to use it'
    assert row["evidence"]["idle_percent"] == 100
    assert row["evidence"]["idle_stretches"] == 1


def test_the_command_sets_one_field_of_one_cluster(account: ClusterAccount) -> None:
    account.cluster(auto_termination=0)
    account.always_up()
    account.cost("24")
    (row,) = account.found("idle_cluster")
    before, given_json, after = row["command"].split("'")
    assert (before, after) == ("databricks api post /api/2.1/clusters/update --json ", "")
    assert json.loads(given_json) == {
        "cluster_id": "c1",
        "update_mask": "autotermination_minutes",
        "cluster": {"autotermination_minutes": 30},
    }


@pytest.mark.parametrize("limit", [None, 0, 240])
def test_a_used_cluster_without_a_limit_saves_what_its_stretches_leave(
    account: ClusterAccount, limit: int | None
) -> None:
    account.cluster(auto_termination=limit)
    account.always_up(busy=range(5, 9))
    account.cost("24")
    (row,) = account.found(*IDLE)
    # 600 idle hours in 31 stretches: from the first midnight on, after each of 29 mornings, and the last afternoon
    assert row["type"] == "auto_termination"
    assert near(row["saving_usd"], "584.5")
    assert (row["evidence"]["idle_stretches"], row["setting_from"]) == (31, str(limit or 0))


@pytest.mark.parametrize("limit", [0, 90, 240])
@pytest.mark.parametrize("busy", [0, 1, 4])
def test_one_of_the_two_speaks_of_a_cluster_never_both(account: ClusterAccount, limit: int, busy: int) -> None:
    account.cluster(auto_termination=limit)
    account.always_up(busy=range(5, 5 + busy))
    account.cost("24")
    # 1 of 24 hours is less than the twentieth from which it counts as used
    unused = busy < 2
    assert [row["type"] for row in account.found("idle_cluster", "auto_termination")] == [
        "idle_cluster" if unused or limit == 90 else "auto_termination"
    ]


def test_a_cluster_that_ends_by_itself_soon_is_left_alone(account: ClusterAccount) -> None:
    account.cluster(auto_termination=30)
    for day in DAYS:
        for hour in range(9, 17):
            account.hour(day, hour)
        account.hour(day, 17, up=35, idle=31)
    account.cost("9")
    assert account.found(*CLUSTER_TYPES) == []


def test_only_the_time_between_both_limits_counts_for_a_used_cluster(account: ClusterAccount) -> None:
    account.cluster(auto_termination=90)
    for day in DAYS:
        account.hour(day, 9)
        # something held it up for twice as long as its limit
        for hour in (10, 11, 12):
            account.hour(day, hour, idle=60)
    account.cost("4")
    (row,) = account.found("idle_cluster")
    assert near(row["saving_usd"], "30")
    assert row["wasted_usd"] == 90


def test_a_cluster_held_up_in_spite_of_its_limit_is_stopped_not_set(account: ClusterAccount) -> None:
    account.cluster(auto_termination=20)
    account.always_up()
    account.cost("24")
    (row,) = account.found(*IDLE)
    assert (row["type"], row["confidence"], row["setting"]) == ("idle_cluster", "low", None)
    assert row["command"] == "databricks clusters delete 'c1'"


def test_an_interrupted_stretch_keeps_its_minutes_twice(account: ClusterAccount) -> None:
    account.cluster(auto_termination=0)
    for hour in range(24):
        account.hour(FIRST, hour, idle=50 if hour == 12 else 60)
    account.cost("24", [FIRST])
    (row,) = account.found("idle_cluster")
    assert row["evidence"]["idle_stretches"] == 2
    idle = Decimal(23) + Decimal(50) / 60
    assert near(row["saving_usd"], str(idle * (1 - Decimal(60) / (idle * 60))))


def test_a_waiting_task_is_not_idle(account: ClusterAccount) -> None:
    account.cluster(auto_termination=0)
    account.always_up()
    for day in DAYS:
        for hour in range(24):
            account.task(day, hour, 3600)
    account.cost("24")
    assert account.found(*IDLE) == []


def test_an_hour_with_few_nodes_is_a_cheap_one(account: ClusterAccount) -> None:
    account.cluster(auto_termination=0, autoscale=(1, 7), workers=None)
    for day in DAYS:
        account.hour(day, 8, workers=7)
        account.hour(day, 9, workers=1, idle=60)
    account.cost("100")
    (row,) = account.found("auto_termination")
    # two of ten node hours are idle: 20 of the 100 dollars, half of which remain
    assert near(row["saving_usd"], "300")


def test_a_deleted_cluster_is_not_spoken_of(account: ClusterAccount) -> None:
    account.cluster(auto_termination=0, deleted=datetime.combine(LAST + timedelta(days=1), time(9), tzinfo=UTC))
    account.always_up()
    account.cost("24")
    assert account.found(*CLUSTER_TYPES) == []


def test_a_renamed_cluster_keeps_its_place_and_counts_from_the_day_after(account: ClusterAccount) -> None:
    account.cluster(name="new name", auto_termination=0, changed=datetime.combine(DAYS[19], time(8), tzinfo=UTC))
    account.always_up()
    account.cost("24")
    (row,) = account.found("idle_cluster")
    assert (row["workspace_id"], row["resource_id"], row["resource_name"]) == ("1001", "c1", "new name")
    assert '"new name"' in row["title"]
    assert near(row["saving_usd"], "239.5")
    assert row["evidence"]["counted_from"] == str(DAYS[20])
    assert row["resource_cost_usd"] == 720


def test_a_limit_set_in_the_window_is_not_advised_again(account: ClusterAccount) -> None:
    account.cluster(auto_termination=30, changed=datetime.combine(DAYS[25], time(8), tzinfo=UTC))
    account.always_up(DAYS[:25])
    account.cost("24", DAYS[:25])
    assert account.found(*CLUSTER_TYPES) == []


def test_a_cluster_that_runs_twice_a_month_saves_what_that_wasted(account: ClusterAccount) -> None:
    account.cluster(auto_termination=0)
    for day in (DAYS[2], DAYS[16]):
        account.hour(day, 8)
        for hour in range(9, 19):
            account.hour(day, hour, idle=60)
    account.cost("22", [DAYS[2], DAYS[16]])
    (row,) = account.found(*IDLE)
    assert (row["type"], row["confidence"]) == ("auto_termination", "low")
    assert near(row["saving_usd"], "38")


def test_without_telemetry_nothing_is_said(account: ClusterAccount) -> None:
    account.cluster(auto_termination=0)
    account.cost("24")
    # the bill also names what is in no list, and what belongs to no workspace
    account.cost("24", cluster_id="serving")
    account.cost("24", cluster_id="nowhere", workspace=None)
    assert account.found(*CLUSTER_TYPES) == []


def test_clusters_of_jobs_and_pipelines_are_not_spoken_of(account: ClusterAccount) -> None:
    for number, kind in enumerate(("job", "pipeline")):
        account.cluster(f"c{number}", kind=kind, auto_termination=0, workers=8)
        account.always_up(cluster_id=f"c{number}", workers=8, cpu=5, mem=10, busy=range(12))
        account.cost("24", cluster_id=f"c{number}")
    assert account.found(*CLUSTER_TYPES) == []


def test_hours_without_cost_save_nothing(account: ClusterAccount) -> None:
    account.cluster(auto_termination=0)
    account.always_up()
    account.cost("0")
    assert account.found(*IDLE) == []


def test_a_name_with_quotes_and_a_cluster_without_a_name_are_told(account: ClusterAccount) -> None:
    account.cluster("c1", name='O\'Brien "%s" {} \n<b>', auto_termination=0)
    account.cluster("c2", name=None, auto_termination=0)
    for cluster in ("c1", "c2"):
        account.always_up(DAYS[:2], cluster_id=cluster)
        account.cost("24", DAYS[:2], cluster_id=cluster)
    first, second = account.found("idle_cluster")
    assert 'O\'Brien "%s" {} \n<b>' in first["title"]
    assert '"c2"' in second["title"]


def test_frequent_starts_make_it_doubtful(account: ClusterAccount) -> None:
    account.cluster(auto_termination=0)
    account.always_up(busy=range(0, 24, 2))
    account.cost("24")
    (row,) = account.found("auto_termination")
    assert (row["confidence"], row["evidence"]["starts_per_day"]) == ("low", 12)
    assert row["evidence"]["typical_idle_minutes"] == 60


def test_the_cloud_part_is_told_where_every_machine_has_a_price(account: ClusterAccount) -> None:
    account.cluster(auto_termination=0, workers=2, node_type="m5.xlarge", driver_type="m5.2xlarge")
    account.always_up(workers=2)
    account.cost("24")
    (row,) = account.found("idle_cluster")
    assert (row["vm_saving_usd"], row["vm_saving_source"]) == (None, None)
    account.execute(
        "insert into costpulse.vm_prices (cloud, region, node_type, usd_per_hour, source, valid_from) values "
        "('AWS', null, 'm5.xlarge', 0.2, 'estimate', '2026-01-01'), "
        "('AWS', null, 'm5.2xlarge', 0.4, 'user', '2026-01-01')"
    )
    (row,) = look(account.database, "idle_cluster")
    assert near(row["vm_saving_usd"], "575.6")
    assert row["vm_saving_source"] == "estimate"


@pytest.mark.parametrize(
    ("kind", "limit", "busy"),
    [
        ("idle_cluster", 0, range(0)),
        ("auto_termination", 0, range(5, 9)),
        ("weekend_and_night", 60, range(6, 22)),
    ],
)
def test_of_a_cluster_of_a_pool_the_cloud_part_is_not_told(
    account: ClusterAccount, kind: str, limit: int, busy: range
) -> None:
    for cluster_id, pool in (("own", None), ("pooled", "pool-1")):
        account.cluster(cluster_id, auto_termination=limit, pool=pool)
        account.always_up(busy=busy, cluster_id=cluster_id)
        account.cost("24", cluster_id=cluster_id)
    account.price("0.2")
    own, pooled = account.found(kind)
    # a dollar of DBUs an hour and a fifth of one for the machine
    assert near(own["vm_saving_usd"], str(own["saving_usd"] / 5))
    assert pooled["saving_usd"] == own["saving_usd"] > 0
    assert (pooled["vm_saving_usd"], pooled["vm_saving_source"]) == (None, None)
    assert (pooled["confidence"], pooled["title"]) == (own["confidence"], own["title"])
    assert pooled["confidence_reason"] == f"{own['confidence_reason']} {POOL_KEEPS}"


def test_thresholds_decide(account: ClusterAccount) -> None:
    account.cluster(auto_termination=100)
    account.always_up(busy=range(5, 15))
    account.cost("24")
    assert {row["type"] for row in account.found("idle_cluster", "auto_termination")} == {"idle_cluster"}
    assert look(account.database, "idle_cluster", idle_cluster={"minimum_idle_percent": Decimal(60)}) == []
    (row,) = look(
        account.database,
        "auto_termination",
        auto_termination={"maximum_minutes": Decimal(90), "target_minutes": Decimal(60)},
    )
    assert near(row["saving_usd"], "389")
    assert row["setting_to"] == "60"


# --- nights and weekends


def office(account: ClusterAccount, *, until: int = 18, tail: int = 2, limit: int = 120) -> None:
    """Working days from 9 o'clock on, and idle for some hours after each."""
    account.cluster(auto_termination=limit)
    for day in DAYS:
        if day.weekday() < 5:
            for hour in range(9, until):
                account.hour(day, hour)
            for hour in range(until, until + tail):
                account.hour(day, hour, idle=60)


def test_hours_in_which_nothing_ever_happens_are_worth_a_schedule(account: ClusterAccount) -> None:
    office(account)
    account.cost("11", [day for day in DAYS if day.weekday() < 5])
    (row,) = account.found(*IDLE)
    assert row["type"] == "weekend_and_night"
    # 22 evenings of two hours at a dollar
    assert near(row["saving_usd"], "44")
    assert row["evidence"]["quiet_hours_per_week"] == 10
    assert row["setting_to"].split(", ")[0] == "Mon 18:00 - Mon 20:00"
    assert row["confidence"] == "high"


def test_one_busy_evening_takes_its_hour_out(account: ClusterAccount) -> None:
    office(account)
    account.cost("11", [day for day in DAYS if day.weekday() < 5])
    account.task(DAYS[7], 18, 5)
    (row,) = account.found("weekend_and_night")
    # an hour alone is too short for a schedule: Mondays are out, five of them
    assert near(row["saving_usd"], "34")
    assert "Mon" not in row["setting_to"]


def test_a_night_over_the_end_of_the_week_is_named_in_full(account: ClusterAccount) -> None:
    account.cluster(auto_termination=60)
    account.always_up(busy=range(6, 22))
    account.cost("24")
    (row,) = account.found("weekend_and_night")
    spans = row["setting_to"].split(", ")
    assert (spans[0], spans[1], spans[-1]) == (
        "Mon 00:00 - Mon 06:00",
        "Mon 22:00 - Tue 06:00",
        "Sun 22:00 - Mon 00:00",
    )
    assert near(row["saving_usd"], "240")


@pytest.mark.parametrize("limit", [0, 480])
def test_where_automatic_termination_is_the_simpler_change_no_schedule_is_advised(
    account: ClusterAccount, limit: int
) -> None:
    office(account, tail=6, limit=limit)
    account.cost("15", [day for day in DAYS if day.weekday() < 5])
    assert {row["type"] for row in account.found("weekend_and_night", "auto_termination")} == {"auto_termination"}


def test_two_weeks_are_no_weekly_pattern(account: ClusterAccount) -> None:
    office(account, tail=6, limit=60)
    account.cost("15", [day for day in DAYS if day.weekday() < 5])
    account.execute("update costpulse.clusters set change_time = %s", datetime.combine(DAYS[12], time(), tzinfo=UTC))
    assert account.found("weekend_and_night") == []


# --- against arithmetic of its own


_HOURS = st.lists(
    st.one_of(
        st.none(),
        st.integers(1, 60).flatmap(lambda up: st.tuples(st.just(up), st.integers(0, up), st.integers(1, 3))),
        st.just((60, 60, 1)),
    ),
    min_size=24,
    max_size=72,
)


@settings(max_examples=25, deadline=None)
@given(hours=_HOURS, target=st.sampled_from([10, 30, 90]), cents=st.integers(1, 10**6))
def test_any_pattern_of_hours_saves_what_plain_arithmetic_says(
    database: Database, hours: list[tuple[int, int, int] | None], target: int, cents: int
) -> None:
    account = ClusterAccount(emptied(database))
    account.cluster(auto_termination=0, autoscale=(1, 3), workers=None)
    usd = Decimal(cents) / 100
    node_minutes: dict[int, int] = {}
    for number, what in enumerate(hours):
        if what is not None:
            up, idle, workers = what
            account.hour(DAYS[number // 24], number % 24, up=up, idle=idle, workers=workers)
            node_minutes[number // 24] = node_minutes.get(number // 24, 0) + up * (1 + workers)
    account.cost(str(usd), [DAYS[number] for number in node_minutes])

    saving = Decimal(0)
    padded: list[tuple[int, int, int] | None] = [None, *hours, None]
    island: list[tuple[int, Decimal]] = []
    kept = 0
    for number, what in enumerate(padded):
        idle = what[1] if what else 0
        if what and idle:
            here = what
            before, after = padded[number - 1], padded[number + 1]
            if not (before and before[1]) or (after and after[1] and idle < 60):
                kept += target
            cost = usd * (here[0] * (1 + here[2])) / node_minutes[(number - 1) // 24] * idle / here[0]
            island.append((idle, cost))
        elif island:
            minutes = sum(one for one, _ in island)
            saving += sum((cost for _, cost in island), Decimal(0)) * max(minutes - kept, 0) / minutes
            island, kept = [], 0

    # idle all the time it was up: idle_cluster speaks
    is_used = any(what is not None and what[1] < what[0] for what in hours)
    rows = account.found(
        "auto_termination",
        auto_termination={"target_minutes": Decimal(target), "always_idle_percent": Decimal(100)},
    )
    assert [row["resource_id"] for row in rows] == (["c1"] if saving > 0 and is_used else [])
    for row in rows:
        assert abs(row["saving_usd"] - saving) < TINY
        assert 0 < row["saving_usd"] <= row["resource_cost_usd"]


def test_evidence_is_what_the_types_declare(account: ClusterAccount) -> None:
    account.cluster("c1", auto_termination=0, workers=8)
    account.always_up(busy=range(5, 10), workers=8, cpu=10, mem=20)
    account.cost("24")
    account.cluster("c2", auto_termination=60)
    account.always_up(busy=range(6, 22), cluster_id="c2")
    account.cost("24", cluster_id="c2")
    account.cluster("c3", auto_termination=0)
    account.always_up(cluster_id="c3")
    account.cost("24", cluster_id="c3")
    rows = account.found(*CLUSTER_TYPES)
    assert {row["type"] for row in rows} == {*IDLE, "right_size_cluster"}
    for row in rows:
        declared = RECOMMENDATION_TYPES[row["type"]]
        assert set(row["evidence"]) == set(declared.evidence)
        assert (row["acts_on"], row["resource_type"]) == (declared.acts_on, declared.resource_type)
