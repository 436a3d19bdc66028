"""What the facts planted in the bill look like on the nodes and in the statements."""

import pytest

from costpulse_assets.resources.demo_account import planted
from tests.resources.demo_telemetry.statements import USE
from tests.resources.test_demo_account import day


@pytest.mark.parametrize("fact", list(planted.facts("idle cluster")), ids=lambda fact: fact.subject)
def test_nobody_works_on_an_idle_cluster(one, fact):
    assert one(USE, name=fact.subject)["most"] < 3


def test_the_over_provisioned_cluster_hardly_uses_any_of_its_workers(one, ask):
    (fact,) = planted.facts("over-provisioned cluster")
    found = one(USE, name=fact.subject)
    workers = ask(
        """
        select t.instance_id, count(distinct t.start_time) as n, max(t.cpu_user_percent + t.cpu_system_percent) as most
        from system.compute.node_timeline as t
        join system.compute.clusters as c on c.cluster_id = t.cluster_id
        where c.cluster_name = :name and not t.driver and t.start_time >= :since and t.start_time < :until group by 1
        """,
        name=fact.subject,
        since=day(-5),
        until=day(-4),
    )

    assert found["cpu"] < 40
    assert found["memory"] < 50
    assert found["swap"] == 0
    assert len(workers) == 16
    assert all(worker["most"] < 40 for worker in workers)


def test_the_cluster_without_auto_termination_is_up_day_and_night_and_busy_for_a_few_hours(one):
    (fact,) = planted.facts("cluster without auto-termination")
    found = one(
        """
        select count(distinct h.hour) as hours, count(distinct case when h.most > 40 then hour(h.hour) end) as busy,
            count(distinct hour(h.hour)) as of_day
        from (
            select date_trunc('HOUR', t.start_time) as hour, max(t.cpu_user_percent) as most
            from system.compute.node_timeline as t
            join system.compute.clusters as c on c.cluster_id = t.cluster_id
            where c.cluster_name = :name and t.start_time >= :since and t.start_time < :until group by 1
        ) as h
        """,
        name=fact.subject,
        since=day(-20),
        until=day(-10),
    )

    assert (found["hours"], found["busy"], found["of_day"]) == (240, 4, 24)


def test_a_usual_cluster_is_busy_and_idle_before_it_stops(one):
    found = one(USE, name="adhoc-analytics-shared")

    assert found["cpu"] > 50
    assert 0.05 < found["idle"] < 0.5


def test_the_oversized_warehouse_has_few_and_short_statements(one):
    (fact,) = planted.facts("oversized warehouse")
    found = one(
        """
        select count(*) / count(distinct cast(q.start_time as date)) as a_day, max(q.total_duration_ms) as longest
        from system.query.history as q
        join system.compute.warehouses as w on w.warehouse_id = q.compute.warehouse_id
        where w.warehouse_name = :name
        """,
        name=fact.subject,
    )

    assert found["a_day"] < 80
    assert found["longest"] < 30_000


def test_the_job_on_all_purpose_compute_names_the_cluster_it_runs_on(one):
    (fact,) = planted.facts("job on all-purpose compute")
    found = one(
        """
        select count(*) as n, count(distinct t.run_id) as runs, count(c.cluster_id) as on_cluster,
            min(c.cluster_name) as cluster, count(case when n.up > 0 then 1 end) as with_nodes
        from system.lakeflow.job_run_timeline as t
        join system.lakeflow.jobs as j on j.workspace_id = t.workspace_id and j.job_id = t.job_id
        left join system.compute.clusters as c on c.workspace_id = t.workspace_id
            and c.cluster_id = element_at(t.compute_ids, 1) and c.cluster_id = element_at(t.compute, 1).cluster_id
        left join (
            select u.cluster_id, u.start_time as minute, count(*) as up from system.compute.node_timeline as u
            group by u.cluster_id, u.start_time
        ) as n on n.cluster_id = c.cluster_id and n.minute = date_trunc('MINUTE', t.period_start_time)
        where j.name = :name and t.period_end_time > t.period_start_time
        """,
        name=fact.subject,
    )

    assert found["n"] == found["on_cluster"] == found["with_nodes"] > 1_000
    assert found["cluster"] == "orders-interactive"
    assert found["runs"] > 1_000


def test_scheduled_jobs_have_their_schedule(one):
    found = one(
        """
        select count(*) as n, count(j.trigger.schedule.quartz_cron_expression) as crons,
            count(j.trigger.periodic.units) as periods,
            count(case when j.trigger.schedule.timezone_id = 'UTC' then 1 end) as zones
        from system.lakeflow.jobs as j
        """
    )

    assert found["n"] == found["crons"] + found["periods"]
    assert found["crons"] == found["zones"]
    assert min(found["crons"], found["periods"]) > 0
