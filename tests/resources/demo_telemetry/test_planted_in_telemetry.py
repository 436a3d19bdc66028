"""What is planted in the telemetry: each found by one statement over the system tables."""

from datetime import timedelta

import pytest

from costpulse_assets.resources.demo_account.planted import FACTS, OLD_AUTO_TERMINATION, OLD_NAMES, Fact
from tests.resources.demo_telemetry.statements import DAYS, USE
from tests.resources.test_demo_account import END, IN_THE_BILL, day


def renamed(table, name, key):
    def check(one, fact):
        found = one(
            f"""
            with named as (
                select t.{name} as name, t.change_time as s,
                    lead(t.change_time) over (partition by t.workspace_id, t.{key} order by t.change_time) as e,
                    lag(t.{name}) over (partition by t.workspace_id, t.{key} order by t.change_time) as old_name
                from system.{table} as t
            )
            select n.old_name, cast(n.s as date) as since, n.e as until
            from named as n where n.name = :name and n.old_name <> n.name
            """,
            name=fact.subject,
        )
        assert found == {"old_name": OLD_NAMES[fact.subject], "since": day(fact.first_day), "until": None}

    return check


def deleted_cluster(one, fact):
    found = one(
        """
        select count(distinct c.change_time) as versions, cast(max(c.delete_time) as date) as deleted,
            max(u.usage_date) as last_usage
        from system.compute.clusters as c
        join system.billing.usage as u
            on u.workspace_id = c.workspace_id and u.usage_metadata.cluster_id = c.cluster_id
        where c.cluster_name = :name
        """,
        name=fact.subject,
    )
    assert found["versions"] == 2
    assert found["deleted"] == day(fact.last_day)
    assert day(fact.last_day - 3) <= found["last_usage"] <= day(fact.last_day)


def changed_auto_termination(one, fact):
    found = one(
        """
        select min_by(c.auto_termination_minutes, c.change_time) as before,
            max_by(c.auto_termination_minutes, c.change_time) as after, cast(max(c.change_time) as date) as since
        from system.compute.clusters as c where c.cluster_name = :name
        """,
        name=fact.subject,
    )
    assert found == {"before": OLD_AUTO_TERMINATION, "after": fact.size, "since": day(fact.first_day)}


def memory_bound(one, fact):
    found = one(USE + "and t.cpu_user_percent > 3 and not t.driver", name=fact.subject)
    assert found["memory"] > 90
    assert found["cpu"] < 40
    assert found["swap"] > 0


def waiting(one, fact):
    found = one(USE + "and t.cpu_user_percent > 3", name=fact.subject)
    assert found["waiting"] > 25


def long_idle_tails(one, fact):
    found = one(
        """
        with hours as (
            select u.usage_metadata.warehouse_id as id, u.usage_start_time as hour
            from system.billing.usage as u where u.record_type = 'ORIGINAL' and u.usage_date < :until
        ),
        busy as (
            select distinct q.compute.warehouse_id as id, date_trunc('HOUR', q.start_time) as hour
            from system.query.history as q
        )
        select max(w.auto_stop_minutes) as auto_stop, max(w.warehouse_type) as kind,
            avg(case when b.id is null then 1.0 else 0.0 end) as idle
        from hours as h
        join system.compute.warehouses as w on w.warehouse_id = h.id and w.warehouse_name = :name
        left join busy as b on b.id = h.id and b.hour = h.hour
        """,
        name=fact.subject,
        until=day(-1),
    )
    assert (found["auto_stop"], found["kind"]) == (fact.size, "PRO")
    assert found["idle"] > 0.55


def never_stops(one, fact):
    found = one(
        """
        select max(w.auto_stop_minutes) as auto_stop,
            count(case when e.event_type in ('STARTING', 'STOPPING', 'STOPPED') and e.event_time >= :first then 1 end)
                as breaks,
            cast(max(case when e.event_type = 'RUNNING' then e.event_time end) as date) as since,
            count(case when e.event_type = 'SCALED_UP' then 1 end) as month_ends
        from system.compute.warehouses as w
        join system.compute.warehouse_events as e on e.warehouse_id = w.warehouse_id
        where w.warehouse_name = :name
        """,
        name=fact.subject,
        first=day(-DAYS + 1),
    )
    hours = one(
        """
        select count(*) as n, min(hour(q.start_time)) as first, max(hour(q.start_time)) as last,
            count(distinct dayofweek(q.start_time)) as days
        from system.query.history as q
        join system.compute.warehouses as w on w.warehouse_id = q.compute.warehouse_id
        where w.warehouse_name = :name and q.total_duration_ms < 2000000
        """,
        name=fact.subject,
    )
    assert (found["auto_stop"], found["breaks"]) == (fact.size, 0)
    assert found["since"] < day(-200)
    assert found["month_ends"] > 20
    assert hours["n"] > 1_000
    assert (hours["first"], hours["last"], hours["days"]) == (7, 16, 5)


def past_midnight(one, fact):
    found = one(
        """
        select count(*) as n, count(distinct dayofmonth(q.end_time)) as days, min(dayofmonth(q.end_time)) as first
        from system.query.history as q
        join system.compute.warehouses as w on w.warehouse_id = q.compute.warehouse_id
        where w.warehouse_name = :name and cast(q.start_time as date) < cast(q.end_time as date)
        """,
        name=fact.subject,
    )
    assert found == {"n": 2, "days": 1, "first": 1}


def own_warehouse(one, fact):
    found = one(
        """
        select count(*) as n, count(case when q.client_application = 'CostPulse' and q.query_tags['app'] = 'costpulse'
            then 1 end) as own, count(distinct w.warehouse_id) as warehouses, max(w.warehouse_size) as size,
            max(w.warehouse_type) as kind, max(w.tags['app']) as tag
        from system.query.history as q
        join system.compute.warehouses as w on w.warehouse_id = q.compute.warehouse_id
        where w.warehouse_name = :name
        """,
        name=fact.subject,
    )
    everywhere = one("select count(*) as n from system.query.history as q where q.query_tags['app'] = 'costpulse'")
    billed = one(
        "select sum(u.usage_quantity) * 0.7 / count(distinct u.usage_date) as usd, count(*) as n "
        "from system.billing.usage as u join system.compute.warehouses as w "
        "on w.warehouse_id = u.usage_metadata.warehouse_id where w.warehouse_name = :name",
        name=fact.subject,
    )
    assert found["n"] == found["own"] == everywhere["n"] > 1_000
    assert (found["warehouses"], found["size"], found["kind"], found["tag"]) == (1, "2X_SMALL", "SERVERLESS", "finops")
    assert 0.5 < float(billed["usd"]) < 3


ENDS = """
    select t.workspace_id, t.job_id, t.run_id, t.run_type, t.trigger_type, t.result_state, t.termination_code,
        t.period_start_time, t.period_end_time, element_at(t.compute_ids, 1) as compute_id, t.run_name
    from system.lakeflow.job_run_timeline as t where t.result_state is not null
"""


def failing(one, fact):
    found = one(
        f"""
        with ends as ({ENDS}),
        runs as (
            select e.workspace_id, e.run_id, count(*) as attempts, max_by(e.result_state, e.period_end_time) as final,
                count(case when e.result_state = 'FAILED' then 1 end) as failures
            from ends as e
            join (select distinct j.workspace_id, j.job_id from system.lakeflow.jobs as j where j.name = :name) as j
                on j.workspace_id = e.workspace_id and j.job_id = e.job_id
            group by e.workspace_id, e.run_id
        )
        select count(*) as n, count(case when r.failures > 0 then 1 end) as failed,
            count(case when r.attempts = 2 and r.final = 'SUCCEEDED' then 1 end) as repaired,
            count(case when r.final = 'FAILED' then 1 end) as lost,
            (
                select sum(u.usage_quantity) from system.billing.usage as u
                join runs as r on r.run_id = u.usage_metadata.job_run_id and r.workspace_id = u.workspace_id
                where r.final = 'FAILED'
            ) as wasted
        from runs as r
        """,
        name=fact.subject,
    )
    assert found["n"] > 50
    assert fact.size * 0.5 < found["failed"] / found["n"] < fact.size * 1.8
    assert found["repaired"] + found["lost"] == found["failed"]
    assert min(found["repaired"], found["lost"]) > 0
    assert found["wasted"] > 100


def cancelled(one, fact):
    found = one(
        f"""
        with ends as ({ENDS})
        select count(*) as n, count(case when e.result_state = 'CANCELLED' then 1 end) as cancelled,
            max(case when e.result_state = 'CANCELLED' then e.termination_code end) as code
        from ends as e join system.lakeflow.jobs as j on j.workspace_id = e.workspace_id and j.job_id = e.job_id
        where j.name = :name
        """,
        name=fact.subject,
    )
    assert fact.size * 0.2 < found["cancelled"] / found["n"] < fact.size * 2.5
    assert found["code"] == "USER_CANCELED"


def never_started(one, fact):
    found = one(
        f"""
        with ends as ({ENDS})
        select count(*) as n,
            count(case when e.period_start_time = e.period_end_time then 1 end) as unstarted,
            count(case when e.period_start_time = e.period_end_time
                and e.result_state in ('SKIPPED', 'BLOCKED') then 1 end) as said_so,
            count(distinct case when e.period_start_time = e.period_end_time then e.result_state end) as kinds
        from ends as e join system.lakeflow.jobs as j on j.workspace_id = e.workspace_id and j.job_id = e.job_id
        where j.name = :name
        """,
        name=fact.subject,
    )
    assert fact.size * 0.4 < found["unstarted"] / found["n"] < fact.size * 2
    assert found["unstarted"] == found["said_so"]
    assert found["kinds"] == 2


def run_past_midnight(one, fact):
    found = one(
        """
        with runs as (
            select t.run_id, min(t.period_start_time) as s, max(t.period_end_time) as e
            from system.lakeflow.job_run_timeline as t
            join system.lakeflow.jobs as j on j.workspace_id = t.workspace_id and j.job_id = t.job_id
            where j.name = :name and t.period_start_time < :look group by t.run_id
            having count(t.result_state) > 0
        ),
        billed as (
            select u.usage_metadata.job_run_id as run_id, count(distinct u.usage_date) as days
            from system.billing.usage as u group by 1
        )
        select count(*) as n,
            count(case when datediff(cast(r.e as date), cast(r.s as date)) = 1 then 1 end) as crossing,
            count(case when b.days = 2 then 1 end) as billed_twice
        from runs as r join billed as b on b.run_id = r.run_id
        where r.s >= :first
        """,
        name=fact.subject,
        look=END - timedelta(days=4),
        first=day(-DAYS + 2),
    )
    assert found["n"] == found["crossing"] == found["billed_twice"] > 50


def submitted(one, fact):
    found = one(
        f"""
        with ends as ({ENDS})
        select count(*) as n, count(distinct e.job_id) as jobs, count(j.job_id) as listed,
            count(c.cluster_id) as on_cluster, min(e.run_name) as name
        from ends as e
        left join system.lakeflow.jobs as j on j.workspace_id = e.workspace_id and j.job_id = e.job_id
        left join system.compute.clusters as c on c.workspace_id = e.workspace_id and c.cluster_id = e.compute_id
        where e.run_type = 'SUBMIT_RUN'
        """
    )
    assert found["n"] == found["on_cluster"] > 30
    assert (found["jobs"], found["listed"], found["name"]) == (1, 0, fact.subject)


def on_a_warehouse(one, fact):
    found = one(
        """
        with tasks as (
            select distinct t.workspace_id, t.job_run_id, element_at(t.compute_ids, 1) as id,
                element_at(t.compute, 1).warehouse_id as warehouse_id
            from system.lakeflow.job_task_run_timeline as t
            join system.lakeflow.jobs as j on j.workspace_id = t.workspace_id and j.job_id = t.job_id
            where j.name = :name
        )
        select count(*) as runs, count(w.warehouse_id) as on_warehouse, max(w.warehouse_name) as warehouse,
            count(q.run_id) as with_statements,
            (select count(*) from system.billing.usage as u where u.usage_metadata.job_name = :name) as billed
        from tasks as t
        left join system.compute.warehouses as w on w.warehouse_id = t.warehouse_id and w.warehouse_id = t.id
        left join (
            select distinct q.query_source.job_info.job_run_id as run_id from system.query.history as q
            where q.compute.type = 'WAREHOUSE'
        ) as q on q.run_id = t.job_run_id
        """,
        name=fact.subject,
    )
    assert found["runs"] == found["on_warehouse"] == found["with_statements"] > 30
    assert (found["warehouse"], found["billed"]) == ("dbt transformations", 0)


def deleted_job(one, fact):
    found = one(
        f"""
        with ends as ({ENDS})
        select count(distinct e.run_id) as runs, cast(max(e.period_end_time) as date) as last_run,
            cast(max(j.delete_time) as date) as deleted
        from ends as e join system.lakeflow.jobs as j on j.workspace_id = e.workspace_id and j.job_id = e.job_id
        where j.name = :name
        """,
        name=fact.subject,
    )
    assert found["runs"] > 5
    assert found["deleted"] == day(fact.last_day)
    assert day(fact.last_day - 4) <= found["last_run"] <= day(fact.last_day)


def paused_job(one, fact):
    found = one(
        f"""
        with ends as ({ENDS})
        select count(distinct e.run_id) as runs, cast(max(e.period_end_time) as date) as last_run,
            cast(min(case when j.paused then j.change_time end) as date) as paused
        from ends as e join system.lakeflow.jobs as j on j.workspace_id = e.workspace_id and j.job_id = e.job_id
        where j.name = :name
        """,
        name=fact.subject,
    )
    assert found["runs"] > 5
    assert found["paused"] == day(fact.first_day)
    assert day(fact.first_day - 4) <= found["last_run"] < day(fact.first_day)


def two_entities(one, fact):
    found = one(
        """
        select count(*) as entities, count(distinct s.endpoint_id) as endpoints, min(s.created_by) as creator,
            count(distinct case when s.endpoint_name = :name then s.served_entity_id end) as of_this
        from system.serving.served_entities as s
        """,
        name=fact.subject,
    )
    assert found["entities"] == found["endpoints"] + 1 == 6
    assert found["of_this"] == 2
    assert found["creator"]


CHECKS = {
    "renamed cluster": renamed("compute.clusters", "cluster_name", "cluster_id"),
    "deleted cluster": deleted_cluster,
    "changed auto-termination": changed_auto_termination,
    "memory-bound cluster": memory_bound,
    "waiting cluster": waiting,
    "warehouse with long idle tails": long_idle_tails,
    "warehouse that never stops": never_stops,
    "query past midnight": past_midnight,
    "own warehouse": own_warehouse,
    "failing job": failing,
    "cancelled runs": cancelled,
    "runs that never started": never_started,
    "run past midnight": run_past_midnight,
    "submitted runs": submitted,
    "job on a SQL warehouse": on_a_warehouse,
    "renamed job": renamed("lakeflow.jobs", "name", "job_id"),
    "deleted job": deleted_job,
    "paused job": paused_job,
    "renamed pipeline": renamed("lakeflow.pipelines", "name", "pipeline_id"),
    "two served entities": two_entities,
}
IN_THE_TELEMETRY = [fact for fact in FACTS if fact not in IN_THE_BILL]


@pytest.mark.parametrize("fact", IN_THE_TELEMETRY, ids=lambda fact: f"{fact.kind}-{FACTS.index(fact)}")
def test_a_planted_fact_is_found_by_a_statement(one, fact: Fact):
    CHECKS[fact.kind](one, fact)
