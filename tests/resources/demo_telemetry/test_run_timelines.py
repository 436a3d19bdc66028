"""Runs of jobs and updates of pipelines: as long as they are billed, in slices of an hour."""

from datetime import timedelta

from tests.resources.demo_telemetry.statements import DAYS
from tests.resources.test_demo_account import END, day


def test_a_billed_job_run_has_a_run_in_the_timeline_over_the_billed_hours(one):
    found = one(
        """
        with billed as (
            select u.workspace_id, u.usage_metadata.job_id as job_id, u.usage_metadata.job_run_id as run_id,
                min(u.usage_start_time) as s, max(u.usage_end_time) as e
            from system.billing.usage as u
            where u.billing_origin_product = 'JOBS' and u.record_type = 'ORIGINAL'
                and u.usage_end_time <= :look and u.usage_date > :first
            group by 1, 2, 3
        ),
        runs as (
            select t.workspace_id, t.job_id, t.run_id, min(t.period_start_time) as s, max(t.period_end_time) as e,
                count(t.result_state) as ends
            from system.lakeflow.job_run_timeline as t group by 1, 2, 3
        )
        select count(*) as n, count(r.run_id) as found,
            count(case when date_trunc('HOUR', r.s) = b.s and r.e <= b.e and r.e > b.e - interval 1 hour then 1 end)
                as fits,
            count(case when r.ends > 0 then 1 end) as over
        from billed as b
        left join runs as r on r.workspace_id = b.workspace_id and r.job_id = b.job_id and r.run_id = b.run_id
        """,
        look=END - timedelta(days=4),
        first=day(-DAYS + 2),
    )

    assert found["n"] == found["found"] > 5_000
    # Runs of the last day looked at go on behind it.
    assert found["n"] - 80 < found["fits"] <= found["n"]
    assert found["over"] == found["n"]


def test_slices_are_aligned_to_the_hour_and_only_the_last_of_an_attempt_has_a_result(one):
    for table, run in (
        ("job_run_timeline", "run_id"),
        ("job_task_run_timeline", "run_id"),
        ("pipeline_update_timeline", "update_id"),
    ):
        found = one(
            f"""
            with slices as (
                select t.result_state, t.period_start_time as s, t.period_end_time as e,
                    lead(t.period_start_time) over (partition by t.workspace_id, t.{run} order by t.period_start_time)
                        as next_s,
                    lag(t.period_end_time) over (partition by t.workspace_id, t.{run} order by t.period_start_time)
                        as before_e,
                    lag(t.result_state) over (partition by t.workspace_id, t.{run} order by t.period_start_time)
                        as before_state
                from system.lakeflow.{table} as t where t.period_start_time >= :since
            )
            select count(*) as n,
                count(case when s.e > date_trunc('HOUR', s.s) + interval 1 hour then 1 end) as too_long,
                count(case when s.result_state is null and s.e <> date_trunc('HOUR', s.e) then 1 end) as torn,
                count(case when s.before_e is not null and s.before_state is null and s.before_e <> s.s then 1 end)
                    as gaps,
                count(case when s.next_s is null and s.result_state is null and s.e < :look then 1 end) as endless
            from slices as s
            """,
            since=day(-DAYS + 9),
            look=END + timedelta(days=-8),
        )
        assert found.pop("n") > 1_000
        assert set(found.values()) == {0}, (table, found)


def test_durations_are_on_the_last_slice_only(one):
    found = one(
        """
        select count(case when t.result_state is null and t.run_duration_seconds <> 0 then 1 end) as early,
            count(case when t.result_state is not null and t.run_duration_seconds
                <> t.setup_duration_seconds + t.execution_duration_seconds + t.cleanup_duration_seconds then 1 end)
                as odd,
            avg(case when t.result_state is null then 1.0 else 0.0 end) as slices
        from system.lakeflow.job_run_timeline as t
        """
    )

    assert (found["early"], found["odd"]) == (0, 0)
    assert 0.3 < found["slices"] < 0.9


def test_every_task_run_belongs_to_a_run_and_lies_in_it(one):
    found = one(
        """
        with runs as (
            select t.workspace_id, t.run_id, min(t.period_start_time) as s, max(t.period_end_time) as e
            from system.lakeflow.job_run_timeline as t group by 1, 2
        ),
        tasks as (
            select t.workspace_id, t.job_run_id, t.run_id, min(t.period_start_time) as s, max(t.period_end_time) as e
            from system.lakeflow.job_task_run_timeline as t group by 1, 2, 3
        )
        select count(*) as n, count(r.run_id) as found, count(case when r.s <= t.s and r.e >= t.e then 1 end) as inside,
            count(distinct t.job_run_id) as of_runs
        from tasks as t
        left join runs as r on r.workspace_id = t.workspace_id and r.run_id = t.job_run_id
        """
    )

    assert found["n"] == found["found"] == found["inside"] > found["of_runs"] > 5_000


def test_a_task_on_a_job_cluster_names_the_cluster_of_the_bill(one):
    found = one(
        """
        select count(*) as n, count(t.run_id) as named
        from (
            select distinct u.workspace_id, u.usage_metadata.job_run_id as run_id,
                u.usage_metadata.cluster_id as cluster_id
            from system.billing.usage as u
            where u.billing_origin_product = 'JOBS' and u.usage_metadata.cluster_id is not null
                and u.usage_date between :first and :last
        ) as b
        left join (
            select distinct t.workspace_id, t.job_run_id as run_id, element_at(t.compute_ids, 1) as cluster_id
            from system.lakeflow.job_task_run_timeline as t
        ) as t on t.workspace_id = b.workspace_id and t.run_id = b.run_id and t.cluster_id = b.cluster_id
        """,
        first=day(-DAYS + 2),
        last=day(-2),
    )

    assert found["n"] == found["named"] > 1_000


def test_an_update_that_is_billed_is_in_the_timeline(one, ask):
    found = one(
        """
        select count(*) as n, count(t.update_id) as found
        from system.billing.usage as u
        left join system.lakeflow.pipeline_update_timeline as t
            on t.workspace_id = u.workspace_id and t.update_id = u.usage_metadata.dlt_update_id
            and date_trunc('HOUR', t.period_start_time) = u.usage_start_time
        where u.billing_origin_product = 'DLT' and u.record_type = 'ORIGINAL' and u.usage_end_time <= :look
            and u.usage_date > :first
        """,
        look=END,
        first=day(-DAYS + 2),
    )
    states = {
        row["result_state"]
        for row in ask("select distinct t.result_state from system.lakeflow.pipeline_update_timeline as t")
    }

    assert found["n"] == found["found"] > 8_000
    assert states == {None, "COMPLETED", "FAILED", "CANCELED"}
