"""Statements: when and where they run, and how many there are."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from costpulse_assets.resources.demo_account import DemoAccount, planted
from tests.resources.demo_telemetry.statements import DAYS, RUNNING
from tests.resources.test_demo_account import END, day


def test_a_statement_on_a_warehouse_lies_in_a_time_it_runs(one):
    found = one(
        RUNNING
        + """
        , sessions as (
            select s.warehouse_id, s.n, min(s.s) as s, max(s.e) as e from (
                select r.warehouse_id, r.s, r.e, sum(r.starts) over (
                    partition by r.warehouse_id order by r.s rows between unbounded preceding and current row
                ) as n from (
                    select u.warehouse_id, u.s, u.e,
                        case when lag(u.e) over (partition by u.warehouse_id order by u.s) >= u.s then 0 else 1 end
                            as starts
                    from up as u
                ) as r
            ) as s group by s.warehouse_id, s.n
        )
        select count(*) as n, count(s.n) as inside
        from system.query.history as q
        left join sessions as s on s.warehouse_id = q.compute.warehouse_id
            and s.s <= q.start_time and s.e >= q.end_time
        where q.compute.type = 'WAREHOUSE' and q.end_time < :look and q.start_time >= :since
        """,
        look=END,
        since=day(-DAYS + 2),
    )

    assert found["n"] == found["inside"] > 80_000


def test_a_working_day_has_between_two_and_four_thousand_statements_and_a_weekend_is_quieter(ask):
    rows = ask(
        "select cast(q.start_time as date) as d, count(*) as n from system.query.history as q "
        "where q.start_time >= :since and q.start_time < :until group by 1",
        since=day(-15),
        until=day(-1),
    )

    assert len(rows) == 14
    for row in rows:
        low, high = (500, 1_500) if row["d"].weekday() >= 5 else (2_000, 4_000)
        assert low < row["n"] < high


def test_the_parts_of_a_statement_add_up(one):
    found = one(
        """
        select count(*) as n,
            count(case when unix_millis(q.end_time) <> unix_millis(q.start_time) + q.total_duration_ms then 1 end)
                as odd_end,
            count(case when q.update_time < q.end_time then 1 end) as odd_update,
            count(case when q.from_result_cache and (q.total_duration_ms > 400 or q.total_task_duration_ms > 0)
                then 1 end) as slow_cache,
            count(case when not q.from_result_cache and q.total_duration_ms
                <> coalesce(q.waiting_for_compute_duration_ms, 0) + q.waiting_at_capacity_duration_ms
                + q.compilation_duration_ms + q.execution_duration_ms then 1 end) as odd_sum,
            min(q.total_duration_ms) as least, min(q.execution_duration_ms) as least_execution,
            count(case when q.compute.type = 'SERVERLESS_COMPUTE'
                and (q.waiting_for_compute_duration_ms is not null or q.query_tags is not null) then 1 end)
                as odd_serverless
        from system.query.history as q
        """
    )

    assert found["n"] > 100_000
    assert found["least"] > 0
    assert found["least_execution"] >= 0
    assert {key: value for key, value in found.items() if key.startswith(("odd", "slow"))} == {
        "odd_end": 0, "odd_update": 0, "slow_cache": 0, "odd_sum": 0, "odd_serverless": 0,
    }  # fmt: skip


def test_statements_have_the_breadth_of_a_real_account(one, ask):
    found = one(
        """
        select count(distinct q.executed_by) as people, count(distinct q.client_application) as clients,
            count(case when q.execution_status = 'FAILED' then 1 end) / count(*) as failed,
            count(case when q.execution_status = 'CANCELED' then 1 end) / count(*) as canceled,
            count(case when q.from_result_cache then 1 end) / count(*) as cached,
            count(case when q.query_source.job_info is null then 1 end) as no_struct,
            count(q.query_source.job_info.job_id) / count(*) as by_job,
            count(q.query_source.dashboard_id) / count(*) as by_dashboard,
            count(q.query_source.notebook_id) / count(*) as by_notebook,
            count(q.query_source.pipeline_info.pipeline_id) / count(*) as by_pipeline,
            count(case when date_trunc('HOUR', q.start_time) <> date_trunc('HOUR', q.end_time)
                and q.compute.type = 'WAREHOUSE' then 1 end) as over_the_hour
        from system.query.history as q
        """
    )
    few = ask(
        "select q.compute.warehouse_id, count(distinct q.executed_by) as n from system.query.history as q "
        "where q.compute.type = 'WAREHOUSE' and q.client_application <> 'CostPulse' group by 1 having n < 3"
    )

    assert found["people"] >= 15
    assert found["clients"] >= 8
    assert 0.01 < found["failed"] < 0.04
    assert 0.005 < found["canceled"] < 0.03
    assert 0.05 < found["cached"] < 0.2
    assert found["no_struct"] == 0
    assert all(0 < found[name] < 0.2 for name in ("by_job", "by_dashboard", "by_notebook", "by_pipeline"))
    assert found["over_the_hour"] > 500
    assert few == []


def test_there_are_billed_warehouse_hours_without_any_statement_and_hours_with_many_at_once(ask):
    rows = ask(
        """
        with busy as (
            select q.compute.warehouse_id as id, date_trunc('HOUR', q.start_time) as hour, count(*) as n,
                sum(q.total_duration_ms) / 3600000.0 as concurrency
            from system.query.history as q group by 1, 2
        )
        select w.warehouse_name as name, count(case when b.n is null then 1 end) as idle,
            max(b.concurrency) as concurrency
        from system.billing.usage as u
        join system.compute.warehouses as w on w.warehouse_id = u.usage_metadata.warehouse_id
        left join busy as b on b.id = w.warehouse_id and b.hour = u.usage_start_time
        where u.record_type = 'ORIGINAL' and u.usage_date < :until group by w.warehouse_name
        """,
        until=day(-1),
    )

    idle = {row["name"] for row in rows if row["idle"] > 100}
    assert idle == {"Data science SQL", "Logistics screens"}
    assert max(row["concurrency"] for row in rows) > 2


def test_what_nobody_may_read_is_in_every_statement_and_every_failure(one):
    found = one(
        """
        select count(*) as n, count(case when q.statement_text = :text then 1 end) as texts,
            count(case when q.execution_status = 'FAILED' then 1 end) as failures,
            count(case when q.error_message = :error then 1 end) as errors
        from system.query.history as q
        """,
        text=planted.STATEMENT_TEXT,
        error=planted.ERROR_MESSAGE,
    )

    assert found["n"] == found["texts"]
    assert found["failures"] == found["errors"] > 1_000


@pytest.mark.parametrize(
    ("end", "days"),
    [
        (date(2026, 9, 1), 2),
        (date(2026, 9, 2), 20),
        (date(2026, 9, 30), 35),
        (date(2026, 11, 1), 32),
        (date(2027, 1, 1), 5),
        (date(2028, 3, 1), 3),
    ],
)
def test_every_turn_of_a_month_has_its_statement_over_midnight(end, days):
    (fact,) = planted.facts("query past midnight")
    with DemoAccount(end_date=end, days=days) as account:
        found = account.fetch(
            """
            select q.start_time, q.end_time from system.query.history as q
            join system.compute.warehouses as w on w.warehouse_id = q.compute.warehouse_id
            where w.warehouse_name = :name and cast(q.start_time as date) < cast(q.end_time as date)
            order by q.start_time
            """,
            {"name": fact.subject},
        ).read_all()

    history = [end - timedelta(days=back) for back in range(days - 1)]
    turns = [datetime.combine(day, time(), UTC) for day in sorted(history) if day.day == 1]
    assert turns
    assert found.to_pylist() == [
        {"start_time": turn - timedelta(minutes=20), "end_time": turn + timedelta(minutes=25)} for turn in turns
    ]
