"""What the tables say about the demo account's clusters, beyond the queries of docs/demo-account.md."""

from datetime import UTC, datetime, time, timedelta

from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount, planted
from costpulse_assets.utilization.clusters import CLUSTER_DAILY
from tests.utilization.demo import DAYS, END, NOW, ask, fact

#: How long the source keeps minutes.
KEPT_DAYS = 90


def test_the_idle_clusters_run_and_do_nothing_now(demo: Database) -> None:
    rows = ask(
        demo,
        "select cluster_name, state_evidence, state_as_of from costpulse.cluster_info where state = 'idle' order by 1",
    )
    names = {fact.subject for fact in planted.facts("idle cluster", "cluster without auto-termination")}
    assert names <= {row["cluster_name"] for row in rows}
    assert {row["state_evidence"] for row in rows} == {"node_timeline"}
    assert {row["state_as_of"] for row in rows} == {NOW - timedelta(minutes=1)}


def test_the_hostile_cluster_name_is_stored_as_it_is(demo: Database) -> None:
    rows = ask(
        demo,
        "select cluster_name, tags ->> 'note' as note from costpulse.cluster_info where cluster_name like '<%%'",
    )
    assert rows == [{"cluster_name": planted.HTML_CLUSTER, "note": planted.HYPERLINK_TAG}]


def test_the_renamed_cluster_goes_by_both_names(demo: Database) -> None:
    cluster = fact("renamed cluster")
    rows = ask(
        demo,
        "select name, valid_from, valid_to from costpulse.resource_names where resource_id = "
        "(select cluster_id from costpulse.clusters where cluster_name = %s) order by valid_from",
        cluster.subject,
    )
    renamed = END + timedelta(days=cluster.first_day or 0)
    assert [row["name"] for row in rows] == [planted.OLD_NAMES[cluster.subject], cluster.subject]
    assert (rows[0]["valid_to"], rows[1]["valid_from"], rows[1]["valid_to"]) == (renamed, renamed, None)


def test_cluster_days_add_up_to_the_bill(demo: Database) -> None:
    assert demo.rows(CLUSTER_DAILY.check, {"days": DAYS}) == []
    (sums,) = ask(
        demo,
        "select (select sum(cost_usd) from costpulse.cluster_daily) as derived, "
        "(select sum(cost_usd) from costpulse.cost_records where cluster_id is not null) as billed",
    )
    assert sums["derived"] == sums["billed"] > 0


def test_no_minute_of_the_source_is_lost_or_doubled(demo: Database, demo_account: DemoAccount) -> None:
    (source,) = (
        demo_account.fetch(
            "select count(*) as nodes, count(distinct concat(n.cluster_id, cast(n.start_time as string))) as ups "
            "from system.compute.node_timeline as n where n.start_time >= :first",
            {"first": datetime.combine(END - timedelta(days=KEPT_DAYS - 1), time(), tzinfo=UTC)},
        )
        .read_all()
        .to_pylist()
    )
    (hours,) = ask(
        demo,
        "select sum(node_minutes) as nodes, sum(up_minutes) as ups, count(*) as rows from costpulse.node_utilization",
    )
    assert (hours["nodes"], hours["ups"]) == (source["nodes"], source["ups"])
    assert hours["rows"] * 20 < source["nodes"]


def test_hours_with_tasks_are_those_of_the_source(demo: Database, demo_account: DemoAccount) -> None:
    days = [END - timedelta(days=back) for back in range(2, 9)]
    slices = (
        demo_account.fetch(
            "select t.compute, t.period_start_time, t.period_end_time from system.lakeflow.job_task_run_timeline as t "
            "where t.period_start_time >= :first",
            {"first": datetime.combine(min(days) - timedelta(days=1), time(), tzinfo=UTC)},
        )
        .read_all()
        .to_pylist()
    )
    stretches = sorted(
        (compute["cluster_id"], row["period_start_time"], row["period_end_time"])
        for row in slices
        for compute in row["compute"] or []
        if compute["cluster_id"]
    )
    seconds: dict[tuple[str, datetime], float] = {}
    reached: dict[str, datetime] = {}
    for cluster, start, end in stretches:
        moment = max(start, reached.get(cluster, start))
        while moment < end:
            hour = moment.replace(minute=0, second=0, microsecond=0)
            until = min(end, hour + timedelta(hours=1))
            seconds[cluster, hour] = seconds.get((cluster, hour), 0) + (until - moment).total_seconds()
            moment = until
        reached[cluster] = max(end, reached.get(cluster, end))
    expected = {place: int(found) for place, found in seconds.items() if place[1].date() in days}
    rows = ask(
        demo,
        "select cluster_id, usage_date + usage_hour * interval '1 hour' as hour, task_seconds "
        "from costpulse.cluster_task_hours where usage_date = any(%s)",
        days,
    )
    assert {(row["cluster_id"], row["hour"].replace(tzinfo=UTC)): row["task_seconds"] for row in rows} == expected
    assert len(expected) > 100


def test_every_cluster_of_any_bill_has_a_row_and_a_state(demo: Database) -> None:
    assert (
        ask(
            demo,
            "select distinct c.cluster_id from costpulse.cluster_daily as c "
            "left join costpulse.cluster_info as i on c.cluster_id = i.cluster_id and c.workspace_id = i.workspace_id "
            "where i.id is null",
        )
        == []
    )
    assert ask(
        demo,
        "select count(*) as n from costpulse.cluster_info where state in ('running', 'idle') and state_as_of < %s",
        NOW - timedelta(hours=2),
    ) == [{"n": 0}]
