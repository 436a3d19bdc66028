"""Alerts about what lasts: they say when it begins, remind while it lasts, and say when it is over, once each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_app.filters import Filters
from costpulse_assets.alerts.evaluate import evaluate
from costpulse_assets.alerts.message import Cause
from costpulse_assets.resources.database import Database
from tests.alerts.asking import Asker, alert, figures, query_of, said, told
from tests.analysis.cluster_account import PROD, ClusterAccount
from tests.conftest import database as another_database
from tests.pipeline import pretend_today

DAY = timedelta(days=1)
MONDAY = date(2026, 6, 1)
#: Data stands above Etl; Risk stands alone.
DATA, ETL, RISK = 1, 2, 3
TEAMS = "insert into costpulse.teams (name, parent_team_id) values ('Data', null), ('Etl', 1), ('Risk', null)"

#: One day: a part of the money, and the whole of it.
Parts = Sequence[tuple[int, int]]


def days(numbers: Iterable[int]) -> list[date]:
    return [MONDAY + number * DAY for number in numbers]


@pytest.fixture
def ask(database_url: str) -> Asker:
    """A database with three teams and nothing else."""
    asker = Asker(Database(database_url))
    asker.execute(TEAMS)
    return asker


@pytest.fixture(scope="module")
def shared(postgres_server: str, migrated_template: str) -> Iterator[Asker]:
    """One that tests empty themselves."""
    with another_database(postgres_server, template=migrated_template) as url:
        asker = Asker(Database(url))
        asker.execute(TEAMS)
        yield asker


def final(ask: Asker, until: int, *, missing: Iterable[int] = ()) -> None:
    """Days that are final, up to this number; those after it are not."""
    ask.execute("delete from costpulse.completeness")
    ask.execute(
        "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
        "select d, 0, 1, d > %s, 'none' from unnest(%s::date[]) as d",
        MONDAY + until * DAY,
        [day for day in days(range(until + 3)) if day not in days(missing)],
    )


# --- unallocated_share and tag_compliance


def put_costs(ask: Asker, parts: Parts, *, workspace: str = "100", product: str = "JOBS") -> None:
    """Of each day so much without a team, of so much; the rest is of Data."""
    ask.execute(
        "insert into costpulse.daily_costs (usage_date, workspace_id, sku_name, product, usage_unit, team_id, "
        "usage_quantity, cost_usd, unpriced_quantity, record_count) "
        "select p.day, %s, 'SKU', %s, 'DBU', t.team, 1, "
        "case when t.team is null then p.part else p.whole - p.part end, 0, 1 "
        "from unnest(%s::date[], %s::numeric[], %s::numeric[]) as p (day, part, whole) "
        "cross join unnest(array[null, %s]::bigint[]) as t (team)",
        workspace, product, days(range(len(parts))), [part for part, _ in parts], [whole for _, whole in parts], DATA,
    )  # fmt: skip
    ask.execute("delete from costpulse.daily_team_costs")
    ask.execute(
        "insert into costpulse.daily_team_costs (usage_date, team_id, product, cost_usd, record_count) "
        "select usage_date, team_id, product, sum(cost_usd), 1 from costpulse.daily_costs group by 1, 2, 3"
    )


def put_tags(
    ask: Asker,
    parts: Parts,
    *,
    workspace: str = "100",
    team: int | None = DATA,
    owner: str | None = "ada@example.com",
    key: str = "project",
) -> None:
    """Of each day so much with all tags, of so much that must have them; half of the rest has none of them."""
    rows = [
        (day, workspace, team, owner, whole, part, whole - part - (whole - part) // 2, (whole - part) // 2)
        for day, (part, whole) in zip(days(range(len(parts))), parts, strict=True)
    ]
    with ask.database.transaction() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into costpulse.tag_compliance (usage_date, workspace_id, team_id, owner, resource_type, cost_usd, "
            "taggable_cost_usd, compliant_cost_usd, untagged_cost_usd, incomplete_cost_usd, wrong_value_cost_usd, "
            "exempt_cost_usd, not_taggable_cost_usd, judged_resources, compliant_resources) "
            "values (%s, %s, %s, %s, 'job', %s + 1500, %s + 1000, %s, %s, 0, %s, 1000, 500, 1, 0)",
            [(*row[:5], *row[4:]) for row in rows],
        )
        cursor.executemany(
            "insert into costpulse.tag_key_compliance (usage_date, workspace_id, team_id, owner, resource_type, "
            "tag_key, cost_usd, valid_cost_usd, inherited_cost_usd, not_allowed_cost_usd, wrong_case_cost_usd, "
            "blank_cost_usd, missing_cost_usd, not_required_cost_usd, not_taggable_cost_usd) "
            "values (%s, %s, %s, %s, 'job', %s, %s + 1500, %s, 0, %s, 0, 0, %s, 1000, 500)",
            [(*row[:4], key, *row[4:]) for row in rows],
        )


def emptied(ask: Asker) -> None:
    with ask.database.transaction() as connection:
        for table in ("daily_team_costs", "daily_costs", "tag_compliance", "tag_key_compliance"):
            connection.execute(f"delete from costpulse.{table}".encode())


def expected(
    parts: Parts, holds: Callable[[Decimal], bool], *, length: int, reminder: int, watched: int
) -> list[tuple[str, int, date]]:
    """What shall be told, day after day: an independent account of the rules."""
    found: list[tuple[str, int, date]] = []
    began: date | None = None
    calm, last = 0, -1
    for number, day in enumerate(days(range(len(parts)))):
        window = parts[number - length + 1 : number + 1] if number >= length - 1 else []
        whole = sum(each for _, each in window)
        if number < watched or not window:
            continue
        if whole and holds(Decimal(100 * sum(part for part, _ in window)) / whole):
            if began is None:
                began, last = day, -1
            calm = 0
            if (day - began).days // reminder > last:
                last = (day - began).days // reminder
                found.append(("firing", last, day))
        elif began is not None:
            calm += 1
            if calm == 3:
                found.append(("ended", 0, day))
                began = None
    return found


DAYS_OF_PARTS = st.lists(
    st.integers(0, 4).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))), min_size=1, max_size=30
).map(lambda parts: [(100 * part, 100 * whole) for part, whole in parts])


@settings(max_examples=25, deadline=None)
@given(
    parts=DAYS_OF_PARTS,
    length=st.integers(1, 4),
    reminder=st.integers(1, 8),
    watched=st.integers(0, 10),
    window=st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
@pytest.mark.parametrize("kind", ["unallocated_share", "tag_compliance"])
def test_what_lasts_is_told_as_its_rules_say_whenever_it_is_asked_about(
    shared: Asker, kind: str, parts: Parts, length: int, reminder: int, watched: int, window: tuple[int, int]
) -> None:
    emptied(shared)
    final(shared, len(parts) - 1)
    (put_costs if kind == "unallocated_share" else put_tags)(shared, parts)
    limit = Decimal(40)
    asked = alert(kind, threshold="40", watches_from=MONDAY + watched * DAY, days=length, reminder_days=reminder)
    rule = (lambda value: value > limit) if kind == "unallocated_share" else (lambda value: value < limit)
    whole = shared(asked)
    assert told(whole) == expected(parts, rule, length=length, reminder=reminder, watched=watched)
    # a part of the days says what it says among all of them, and later days change nothing
    first, last = sorted(window)
    final(shared, min(last, len(parts) - 1))
    part = shared(asked, first=MONDAY + first * DAY, last=MONDAY + last * DAY)
    assert part == [each for each in whole if MONDAY + first * DAY <= each.occurred_on <= MONDAY + last * DAY]


def test_a_share_is_of_the_last_final_days_and_says_where_the_money_is(ask: Asker) -> None:
    ask.execute("insert into costpulse.workspaces (workspace_id, name) values ('100', 'prod')")
    put_costs(ask, [(10, 60)] * 7 + [(31, 60), (60, 60)])
    put_costs(ask, [(10, 40)] * 9, workspace="200")
    final(ask, 7)
    finding = ask.one(alert("unallocated_share", threshold="22"))
    # 13 x 10 and 31 of 7 x 100, the days of the last week
    assert (finding.occurred_on, finding.current_value) == (MONDAY + 7 * DAY, Decimal(16100) / 700)
    message = said(finding)
    assert message.title == "23 % of cost has no team, more than 22 %"
    assert message.text == "Of $700.00 from Tue 2 Jun 2026 to Mon 8 Jun 2026, $161.00 has no team."
    assert message.causes == (
        Cause(kind="workspace", name="prod", usd=Decimal(91)), Cause(kind="workspace", name="200", usd=Decimal(70)),
    )  # fmt: skip
    assert message.series is not None
    assert [point.value for point in message.series.points] == [Decimal(20), Decimal(23)]
    page, query = query_of(finding)
    chosen = Filters.from_query(query)
    assert (page, chosen.selection.only) == ("/explorer", (("team", ("~",)),))
    assert chosen.custom is not None
    assert (chosen.custom.first, chosen.custom.last) == (MONDAY + DAY, MONDAY + 7 * DAY)
    assert ask(alert("unallocated_share", threshold="23")) == []


def test_a_share_beside_its_limit_is_written_so_that_both_differ(ask: Asker) -> None:
    put_costs(ask, [(2004, 10000)] * 7)
    final(ask, 6)
    assert said(ask.one(alert("unallocated_share"))).title == "20.04 % of cost has no team, more than 20 %"


def test_shares_of_scopes_are_judged_by_themselves(ask: Asker) -> None:
    put_costs(ask, [(90, 100)] * 7)
    put_costs(ask, [(5, 900)] * 7, workspace="200", product="SQL")
    final(ask, 6)
    scopes = [("everything", ""), ("workspace", "100"), ("workspace", "200"), ("product", "JOBS"), ("product", "SQL")]
    found = ask(*(alert("unallocated_share", scope, number=place) for place, scope in enumerate(scopes)))
    assert {(scopes[each.alert_id], each.current_value) for each in found} == {
        (("workspace", "100"), Decimal(90)), (("product", "JOBS"), Decimal(90)),
    }  # fmt: skip
    (of_workspace,) = (each for each in found if each.scope_type == "workspace")
    assert said(of_workspace).causes == (Cause(kind="product", name="JOBS", usd=Decimal(630)),)
    assert Filters.from_query(query_of(of_workspace)[1]).selection.only == (("workspace", ("100",)), ("team", ("~",)))


def test_reminders_and_the_end_say_since_when(ask: Asker) -> None:
    put_costs(ask, [(50, 100)] * 17 + [(0, 100)] * 10)
    final(ask, 26)
    begin, again, at_last, end = ask(alert("unallocated_share"))
    assert told([begin, again, at_last, end]) == [
        ("firing", 0, MONDAY + 6 * DAY), ("firing", 1, MONDAY + 13 * DAY), ("firing", 2, MONDAY + 20 * DAY),
        ("ended", 0, MONDAY + 23 * DAY),
    ]  # fmt: skip
    assert {each.subject for each in (begin, again, at_last, end)} == {"share:2026-06-07"}
    assert said(again).title == "Still 50 % of cost has no team, more than 20 %"
    assert "since Sun 7 Jun 2026 at least" in said(again).text
    assert said(end).title == "Over: 0 % of cost has no team, no more than 20 %"
    assert said(end).severity == "info"


def test_a_score_counts_what_must_carry_tags_and_names_owners_and_the_worst_key(ask: Asker) -> None:
    put_tags(ask, [(70, 100)] * 7)
    put_tags(ask, [(95, 100)] * 7, owner="1f0e-principal", key="team")
    put_tags(ask, [(100, 100)] * 7, owner=None)
    final(ask, 6)
    finding = ask.one(alert("tag_compliance", threshold="90"))
    assert (finding.occurred_on, round(finding.current_value or 0, 4)) == (MONDAY + 6 * DAY, Decimal("88.3333"))
    message = said(finding)
    assert message.title == "The tag score is 88 %, below 90 %"
    assert message.text == (
        "Of $2,100 from Mon 1 Jun 2026 to Sun 7 Jun 2026 that must carry tags, $1,855 carries all of them. project is "
        "missing or wrong on $210.00."
    )
    assert message.causes == (
        Cause(kind="owner", name="ada@example.com", usd=Decimal(210)),
        Cause(kind="service principal", name="1f0e-principal", usd=Decimal(35)),
    )
    assert figures(finding)["Without any of the tags"] == "$126.00"
    assert figures(finding)["Wrong values"] == "$119.00"


def test_a_team_is_judged_with_the_teams_below_it(ask: Asker) -> None:
    put_tags(ask, [(100, 100)] * 7, team=DATA)
    put_tags(ask, [(10, 100)] * 7, team=ETL)
    put_tags(ask, [(60, 100)] * 7, team=None, workspace="200")
    final(ask, 6)
    scopes = [("team", str(DATA)), ("team", str(ETL)), ("team", str(RISK)), ("team", "unallocated")]
    scopes += [("workspace", "100"), ("workspace", "200")]
    found = ask(*(alert("tag_compliance", scope, number=place) for place, scope in enumerate(scopes)))
    assert {(scopes[each.alert_id], each.current_value, each.team_id) for each in found} == {
        (("team", str(DATA)), Decimal(55), DATA), (("team", str(ETL)), Decimal(10), ETL),
        (("team", "unallocated"), Decimal(60), None), (("workspace", "100"), Decimal(55), None),
        (("workspace", "200"), Decimal(60), None),
    }  # fmt: skip
    page, query = query_of(next(each for each in found if each.scope_id == str(DATA)))
    assert (page, Filters.from_query(query).selection.only) == ("/tags", (("team", (str(DATA), str(ETL))),))


def test_days_whose_tags_are_not_judged_are_no_good_days(ask: Asker) -> None:
    put_tags(ask, [(50, 100)] * 10)
    final(ask, 20)
    begin = ask.one(alert("tag_compliance"))
    assert begin.phase == "firing"


# --- idle_cluster


@pytest.fixture
def clusters(ask: Asker) -> ClusterAccount:
    """Clusters of a region that is read to the end; every day of a month is final."""
    final(ask, 29)
    read(ask, range(30))
    return ClusterAccount(ask.database)


def read(ask: Asker, numbers: Iterable[int], *, is_settled: bool = True) -> None:
    """The days that the telemetry is read of."""
    ask.execute("delete from costpulse.collected_region_days")
    ask.execute(
        "insert into costpulse.collected_region_days (source, connection, usage_date, row_count, is_settled) "
        "select 'node_utilization', 'typed', d, 1, %s from unnest(%s::date[]) as d",
        is_settled,
        days(numbers),
    )


def idle(clusters: ClusterAccount, numbers: Iterable[int], usd: str = "24", **key: Any) -> None:
    """Up all day on these days, for so much a day, and idle for half of it."""
    on = days(numbers)
    clusters.always_up(on, busy=range(12), **key)
    clusters.cost(usd, on, **key)


def test_a_cluster_is_told_on_the_third_day_running_and_reminded_and_over(ask: Asker, clusters: ClusterAccount) -> None:
    clusters.cluster(auto_termination=None)
    idle(clusters, [1, *range(3, 14)])
    clusters.build()
    findings = ask(alert("idle_cluster"))
    assert told(findings) == [
        ("firing", 0, MONDAY + 5 * DAY), ("firing", 1, MONDAY + 12 * DAY), ("ended", 0, MONDAY + 16 * DAY),
    ]  # fmt: skip
    # the day alone before them is two days back at most: the same stretch
    assert {(each.subject, each.scope_id) for each in findings} == {("idle:2026-06-02", f"{PROD}/c1")}
    message = said(findings[0])
    assert findings[0].current_value == Decimal(12)
    assert message.title == "Idle cluster: lab, $48.00 in 4 days"
    assert message.text.startswith(
        "From Tue 2 Jun 2026 to Sat 6 Jun 2026 it was up for 96.0 hours and idle in 48.0 of them, which cost $48.00 of "
        "$96.00."
    )
    assert figures(findings[0])["Ends by itself"] == "never"
    assert findings[0].evidence["owner"] == "ada@example.com"
    assert message.series is not None
    assert [point.value for point in message.series.points] == [Decimal(value) for value in (12, 0, 12, 12, 12)]
    assert said(findings[2]).title == "Over: idle cluster lab, $144.00 in 12 days"
    page, query = query_of(findings[0])
    assert (page, Filters.from_query(query).selection.only) == ("/explorer", (("cluster", (f"{PROD}/c1",)),))


def test_days_running_are_days_without_a_gap(ask: Asker, clusters: ClusterAccount) -> None:
    clusters.cluster()
    idle(clusters, [0, 1, 3, 4, 6, 7])
    clusters.build()
    assert ask(alert("idle_cluster")) == []
    assert told(ask(alert("idle_cluster", days=2, reminder_days=30))) == [
        ("firing", 0, MONDAY + DAY), ("ended", 0, MONDAY + 10 * DAY),
    ]  # fmt: skip


def test_an_hour_costs_by_its_nodes_and_a_task_is_no_idle_time(ask: Asker, clusters: ClusterAccount) -> None:
    clusters.cluster(workers=9)
    for day in days(range(3)):
        clusters.hour(day, 0, workers=9)
        clusters.hour(day, 1, idle=60)
        clusters.hour(day, 2, idle=60)
        clusters.task(day, 2, 3600)
    clusters.cost("120", days(range(3)))
    clusters.build()
    # 12 node hours, of which one is idle
    assert [each.current_value for each in ask(alert("idle_cluster")) if each.phase == "firing"] == [Decimal(10)]
    assert ask(alert("idle_cluster", threshold="10.01")) == []


def test_days_whose_telemetry_is_not_settled_say_nothing(ask: Asker, clusters: ClusterAccount) -> None:
    clusters.cluster()
    idle(clusters, range(5))
    clusters.build()
    read(ask, range(5))
    assert told(ask(alert("idle_cluster"))) == [("firing", 0, MONDAY + 2 * DAY)]
    read(ask, range(30), is_settled=False)
    assert ask(alert("idle_cluster")) == []
    read(ask, range(30))
    final(ask, 1)
    assert ask(alert("idle_cluster")) == []


def test_clusters_of_jobs_are_silent(ask: Asker, clusters: ClusterAccount) -> None:
    clusters.cluster(kind="job")
    idle(clusters, range(5))
    clusters.build()
    assert ask(alert("idle_cluster")) == []


def test_a_cluster_that_was_idle_before_the_alert_is_told_from_its_first_watched_day_on(
    ask: Asker, clusters: ClusterAccount
) -> None:
    clusters.cluster()
    idle(clusters, range(20))
    clusters.build()
    watching = alert("idle_cluster", watches_from=MONDAY + 10 * DAY)
    findings = ask(watching)
    assert told(findings) == [
        ("firing", 0, MONDAY + 10 * DAY), ("firing", 1, MONDAY + 17 * DAY), ("ended", 0, MONDAY + 22 * DAY),
    ]  # fmt: skip
    assert figures(findings[0])["Idle cost"] == "$132.00 of $264.00"
    # the days that are asked about change nothing
    assert ask(watching, first=MONDAY + 16 * DAY, last=MONDAY + 29 * DAY) == findings[1:]
    assert ask(watching, last=MONDAY + 12 * DAY) == findings[:1]


def test_an_alert_of_a_scope_hears_of_its_clusters(ask: Asker, clusters: ClusterAccount) -> None:
    clusters.cluster("c1")
    clusters.cluster("c2", name="other")
    idle(clusters, range(3))
    idle(clusters, range(3), cluster_id="c2")
    clusters.build()
    ask.execute(
        "update costpulse.daily_key_costs set team_id = %s where key_id in "
        "(select key_id from costpulse.cost_keys where cluster_id = 'c1')",
        ETL,
    )
    scopes = [("team", str(DATA)), ("team", str(RISK)), ("team", "unallocated"), ("workspace", PROD)]
    scopes += [("workspace", "1"), ("cluster", f"{PROD}/c2")]
    found = ask(*(alert("idle_cluster", scope, number=place) for place, scope in enumerate(scopes)))
    assert {(each.alert_id, each.evidence["name"], each.team_id) for each in found} == {
        (0, "lab", ETL), (2, "other", None), (3, "lab", ETL), (3, "other", None), (5, "other", None),
    }  # fmt: skip


def test_what_to_do_about_a_cluster_is_said_and_opened(ask: Asker, clusters: ClusterAccount) -> None:
    clusters.cluster()
    idle(clusters, range(3))
    clusters.build()
    (row,) = ask.execute(
        "insert into costpulse.recommendations (type, workspace_id, resource_type, resource_id, bearer_type, "
        "bearer_id, acts_on, title, standalone_savings, resource_cost_usd, confidence, confidence_reason, evidence, "
        "calculation, window_first, window_last, found_first_at, found_at) values ('idle_cluster', %s, 'cluster', "
        "'c1', 'cluster', 'c1', 'idle time', 'Stop \"lab\" after 30 idle minutes', 10, 100, 'high', 'seen', '{}', '', "
        "%s, %s, now(), now()) returning id",
        PROD, MONDAY, MONDAY,
    )  # fmt: skip
    finding, _ = ask(alert("idle_cluster"))
    assert said(finding).text.endswith('Stop "lab" after 30 idle minutes.')
    assert said(finding).view == f"/recommendations?id={row['id']}"


# --- data_stale

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)


def delivered(ask: Asker, newest: date, *, connection: str = "us", attempted: datetime = NOON, rows: int = 1) -> None:
    """A connection that gives bills, and what it delivered last."""
    ask.execute(
        "insert into costpulse.collection_status (source, connection, state, attempted_at, succeeded_at) "
        "values ('cost_records', %s, 'ok', %s, %s) on conflict (source, connection) do update "
        "set attempted_at = excluded.attempted_at",
        connection, attempted, attempted,
    )  # fmt: skip
    ask.execute(
        "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, record_count, "
        "collected_at, changed_at) values ('cost_records', %s, %s, 0, 0, now(), now())",
        newest, rows,
    )  # fmt: skip


def delivered_region(ask: Asker, newest: date, connection: str, attempted: datetime = NOON) -> None:
    ask.execute(
        "insert into costpulse.collection_status (source, connection, state, message, next_step, attempted_at) "
        "values ('node_utilization', %s, 'failed', 'It did not answer.', 'Look there.', %s)",
        connection, attempted,
    )  # fmt: skip
    ask.execute(
        "insert into costpulse.collected_region_days (source, connection, usage_date, row_count, is_settled) "
        "values ('node_utilization', %s, %s, 5, false), ('node_utilization', %s, %s, 0, false)",
        connection, newest, connection, newest + 5 * DAY,
    )  # fmt: skip


def test_a_connection_is_stale_when_its_newest_day_with_usage_began_too_long_ago(ask: Asker) -> None:
    delivered(ask, date(2026, 6, 9))
    delivered_region(ask, date(2026, 6, 8), "eu")
    assert ask(alert("data_stale", threshold="60"), now=NOON, last=NOON.date()) == []
    finding = ask.one(alert("data_stale"), now=NOON, last=NOON.date())
    assert (finding.subject, finding.current_value, finding.occurred_on) == (
        "stale:eu:2026-06-08",
        Decimal(60),
        NOON.date(),
    )
    message = said(finding)
    assert message.title == "No new usage from eu: the newest day is Mon 8 Jun 2026, 60 hours ago"
    assert "node_utilization could not be read: It did not answer. Next step: Look there." in message.text
    assert message.view == "/"


def test_a_day_without_usage_delivers_nothing(ask: Asker) -> None:
    delivered(ask, date(2026, 6, 7))
    delivered(ask, date(2026, 6, 10), rows=0)
    assert ask.one(alert("data_stale"), now=NOON, last=NOON.date()).evidence["newest"] == "2026-06-07"


def test_a_connection_that_was_taken_out_of_the_settings_is_not_stale(ask: Asker) -> None:
    delivered(ask, date(2026, 6, 10))
    delivered_region(ask, date(2026, 5, 1), "old", NOON - timedelta(days=8))
    assert ask(alert("data_stale"), now=NOON, last=NOON.date()) == []


def test_stale_data_is_told_once_reminded_daily_and_over_whatever_trickles_in(ask: Asker) -> None:
    ask.execute(
        "insert into costpulse.alerts (name, alert_type, watches_from) values ('stale', 'data_stale', '2026-01-01')"
    )

    def looked(hours: int) -> list[tuple[str, str, int]]:
        """What is new at the moment so many hours later."""
        now = NOON + timedelta(hours=hours)
        known = {row["id"] for row in ask.execute("select id from costpulse.alert_history")}
        ask.execute("update costpulse.collection_status set attempted_at = %s", now)
        done = evaluate(ask.database, pretend_today(now.date()), now=now, watched_by="clock")
        assert done.failed == ()
        rows = ask.execute("select id, subject, phase, reminder from costpulse.alert_history order by id")
        return [(row["subject"], row["phase"], row["reminder"]) for row in rows if row["id"] not in known]

    delivered(ask, date(2026, 6, 7))
    assert looked(0) == [("stale:us:2026-06-07", "firing", 0)]
    assert looked(1) == []
    assert looked(24) == [("stale:us:2026-06-07", "firing", 1)]
    delivered(ask, date(2026, 6, 8))
    assert looked(25) == []
    assert looked(49) == [("stale:us:2026-06-07", "firing", 2)]
    delivered(ask, date(2026, 6, 12))
    assert looked(50) == [("stale:us:2026-06-07", "ended", 0)]
    assert looked(51) == []
    # and once more when it is stale again
    assert looked(24 * 5) == [("stale:us:2026-06-12", "firing", 0)]
    titles = [row["message"] for row in ask.execute("select message from costpulse.alert_history order by id")]
    assert titles[2].startswith("Still no new usage from us")
    assert titles[3] == "Over: us delivers usage again"
