from collections import Counter
from datetime import timedelta

import duckdb
import pytest

from costpulse_assets.resources.demo_account import DemoAccount, planted
from costpulse_assets.resources.demo_account.account import _build
from costpulse_assets.resources.demo_account.generate_clusters import NODE_DAYS, RUN_NODE_DAYS
from costpulse_assets.resources.demo_account.planted import FACTS, OLD_AUTO_TERMINATION, OLD_NAMES, Fact
from costpulse_assets.resources.demo_account.tables import CATALOG
from tests.resources.test_demo_account import END, IN_THE_BILL, day

#: Days of history of the account that most tests read.
DAYS = 60

#: The tables that are made from what was worked, with the column that dates a row.
TELEMETRY = {
    "compute.clusters": "change_time",
    "compute.node_timeline": "end_time",
    "compute.warehouse_events": "event_time",
    "lakeflow.job_run_timeline": "period_end_time",
    "lakeflow.job_task_run_timeline": "period_end_time",
    "lakeflow.pipeline_update_timeline": "period_end_time",
    "query.history": "end_time",
}
KEYS = {
    "compute.clusters": "workspace_id, cluster_id, change_time",
    "compute.node_types": "node_type",
    "compute.node_timeline": "workspace_id, cluster_id, instance_id, start_time",
    "compute.warehouse_events": "workspace_id, warehouse_id, event_time, event_type",
    "lakeflow.jobs": "workspace_id, job_id, change_time",
    "lakeflow.job_run_timeline": "workspace_id, run_id, period_start_time",
    "lakeflow.job_task_run_timeline": "workspace_id, run_id, period_start_time",
    "lakeflow.pipelines": "workspace_id, pipeline_id, change_time",
    "lakeflow.pipeline_update_timeline": "workspace_id, update_id, period_start_time",
    "query.history": "statement_id",
    "serving.served_entities": "served_entity_id, change_time",
}
WAREHOUSE_DBU = (
    "values ('2X_SMALL', 4), ('X_SMALL', 6), ('SMALL', 12), ('MEDIUM', 24), ('LARGE', 40), ('X_LARGE', 80), "
    "('2X_LARGE', 144)"
)


def contents(account, table, since=None):
    """The rows of a table as text, counted."""
    condition = f"where t.{TELEMETRY[table]} >= timestamptz '{since}T01:00:00Z'" if since else ""
    return Counter(
        text
        for (text,) in account._connection.execute(
            f"select md5(cast(t as varchar)) from {CATALOG}.{table} as t {condition}"
        ).fetchall()
    )


@pytest.fixture(scope="module")
def account():
    with DemoAccount(end_date=END, days=DAYS) as made:
        yield made


@pytest.fixture
def ask(account):
    """The rows of a statement, as dicts."""
    return lambda statement, **parameters: account.fetch(statement, parameters).read_all().to_pylist()


@pytest.fixture
def one(ask):
    """The only row of a statement."""

    def only(statement, **parameters):
        rows = ask(statement, **parameters)
        assert len(rows) == 1, rows
        return rows[0]

    return only


# Determinism and time


def test_a_longer_history_leaves_the_telemetry_of_the_days_in_both_as_it_is(account):
    with DemoAccount(end_date=END, days=9) as shorter:
        for table in TELEMETRY:
            # What ends within the first hour may have begun the day before; the shorter history lacks it.
            assert contents(shorter, table, day(-8)) == contents(account, table, day(-8)), table


def test_a_later_look_adds_telemetry_and_changes_nothing_else():
    with (
        DemoAccount(end_date=END, days=12, as_of=day(-3)) as earlier,
        DemoAccount(end_date=END, days=12, as_of=day(2)) as later,
    ):
        for table, column in TELEMETRY.items():
            before, after = contents(earlier, table), contents(later, table)
            assert not before - after, table
            assert after.total() > before.total(), table
            newest = earlier.fetch(f"select max(t.{column}) as t from system.{table} as t").read_all()["t"][0].as_py()
            assert newest.date() == day(-3), table
            assert newest.hour <= 12, table
        for table in ("lakeflow.jobs", "lakeflow.pipelines", "serving.served_entities", "compute.node_types"):
            assert not contents(earlier, table) - contents(later, table), table


def test_the_number_of_threads_changes_no_row():
    facts = {"seed": 7, "days": 4, "end_date": END.isoformat(), "as_of": END.isoformat()}
    with DemoAccount(end_date=END, days=4) as two, duckdb.connect(config={"threads": 1}) as connection:
        _build(connection, ":memory:", facts)
        for table in TELEMETRY:
            alone = Counter(
                text
                for (text,) in connection.execute(
                    f"select md5(cast(t as varchar)) from {CATALOG}.{table} as t"
                ).fetchall()
            )
            assert alone == contents(two, table), table


def test_another_seed_gives_other_telemetry():
    with DemoAccount(end_date=END, days=3) as first, DemoAccount(end_date=END, days=3, seed=8) as other:
        assert not contents(first, "query.history") & contents(other, "query.history")
        assert not contents(first, "lakeflow.job_run_timeline") & contents(other, "lakeflow.job_run_timeline")


def test_before_its_first_day_the_account_has_names_but_no_telemetry():
    with DemoAccount(end_date=END, days=5, as_of=day(-40)) as early:
        for table in set(TELEMETRY) - {"compute.clusters", "compute.warehouse_events"}:
            assert not contents(early, table), table
        assert contents(early, "compute.node_types")


def test_nothing_that_made_the_telemetry_is_left_behind(account):
    left = account._connection.execute(
        "select table_name from duckdb_tables() where database_name <> $catalog "
        "union all select function_name from duckdb_functions() where database_name = 'temp'",
        {"catalog": CATALOG},
    ).fetchall()

    assert left == []


@pytest.mark.parametrize("table", KEYS)
def test_the_documented_key_identifies_a_row(one, table):
    found = one(f"select count(*) as n, count(distinct {KEYS[table]}) as d from system.{table}")

    assert found["n"] == found["d"] > 0


# Clusters and nodes


def test_a_cluster_that_is_billed_for_an_hour_has_node_minutes_in_it(one):
    found = one(
        """
        select count(*) as hours, count(n.cluster_id) as seen
        from system.billing.usage as u
        left join (
            select distinct t.workspace_id, t.cluster_id, date_trunc('HOUR', t.start_time) as hour
            from system.compute.node_timeline as t
        ) as n on n.workspace_id = u.workspace_id and n.cluster_id = u.usage_metadata.cluster_id
            and n.hour = u.usage_start_time
        where u.record_type = 'ORIGINAL' and u.usage_metadata.cluster_id is not null
            and (u.billing_origin_product = 'ALL_PURPOSE' or u.usage_date >= :run_nodes)
        """,
        run_nodes=day(-RUN_NODE_DAYS),
    )

    assert found["hours"] == found["seen"] > 5_000


def test_an_all_purpose_cluster_that_has_node_minutes_in_an_hour_is_billed_for_it(one):
    found = one(
        """
        with hours as (
            select distinct t.workspace_id, t.cluster_id, date_trunc('HOUR', t.start_time) as hour
            from system.compute.node_timeline as t
            join (
                select distinct c.workspace_id, c.cluster_id from system.compute.clusters as c
                where c.cluster_source = 'UI'
            ) as a on a.workspace_id = t.workspace_id and a.cluster_id = t.cluster_id
            where t.start_time < :until
        )
        select count(*) as hours, count(u.record_id) as billed
        from hours as h
        left join system.billing.usage as u
            on u.workspace_id = h.workspace_id and u.usage_metadata.cluster_id = h.cluster_id
            and u.usage_start_time = h.hour and u.record_type = 'ORIGINAL'
        """,
        until=day(-4),
    )

    assert found["hours"] == found["billed"] > 5_000


def test_the_minutes_a_cluster_is_up_follow_the_part_of_the_hour_that_is_billed(ask):
    rows = ask(
        """
        with minutes as (
            select t.cluster_id, date_trunc('HOUR', t.start_time) as hour, count(distinct t.start_time) as up
            from system.compute.node_timeline as t
            group by t.cluster_id, date_trunc('HOUR', t.start_time)
        )
        select u.usage_metadata.cluster_id as id, min(u.usage_quantity / m.up) as least_rate,
            max(u.usage_quantity / m.up) as most_rate, count(*) as n
        from minutes as m
        join system.billing.usage as u on u.usage_metadata.cluster_id = m.cluster_id and u.usage_start_time = m.hour
        where u.record_type = 'ORIGINAL' and u.billing_origin_product = 'ALL_PURPOSE'
            and m.up between 20 and 59 and m.hour < :until
        group by u.usage_metadata.cluster_id
        """,
        until=day(-1),
    )

    assert len(rows) > 12
    for row in rows:
        assert row["most_rate"] / row["least_rate"] < 1.06


def test_the_nodes_of_a_cluster_are_its_driver_and_as_many_workers_as_it_is_configured_with(one):
    found = one(
        """
        with minutes as (
            select t.workspace_id, t.cluster_id, t.start_time, count(case when t.driver then 1 end) as drivers,
                count(case when not t.driver then 1 end) as workers
            from system.compute.node_timeline as t
            group by t.workspace_id, t.cluster_id, t.start_time
        )
        select count(*) as n, max(m.drivers) as most_drivers, min(m.drivers) as least_drivers,
            count(case when m.workers = c.worker_count then 1 end) as fixed,
            count(case when m.workers between c.min_autoscale_workers and c.max_autoscale_workers then 1 end) as scaled
        from minutes as m
        join (
            select * from system.compute.clusters
            qualify row_number() over (partition by workspace_id, cluster_id order by change_time desc) = 1
        ) as c on c.workspace_id = m.workspace_id and c.cluster_id = m.cluster_id
        """
    )

    assert (found["least_drivers"], found["most_drivers"]) == (1, 1)
    assert found["n"] == found["fixed"] + found["scaled"]
    assert min(found["fixed"], found["scaled"]) > 10_000


def test_the_number_of_workers_of_an_autoscaling_cluster_follows_its_load(one):
    found = one(
        """
        with hours as (
            select t.cluster_id, date_trunc('HOUR', t.start_time) as hour,
                count(distinct case when not t.driver then t.instance_id end) as workers
            from system.compute.node_timeline as t
            join system.compute.clusters as c on c.cluster_id = t.cluster_id and c.max_autoscale_workers >= 3
                and c.cluster_name = 'adhoc-analytics-shared'
            group by t.cluster_id, date_trunc('HOUR', t.start_time)
        )
        select count(distinct h.workers) as levels,
            avg(case when h.workers = 1 then u.usage_quantity end) as alone,
            avg(case when h.workers >= 3 then u.usage_quantity end) as many
        from hours as h
        join system.billing.usage as u on u.usage_metadata.cluster_id = h.cluster_id and u.usage_start_time = h.hour
        where u.record_type = 'ORIGINAL'
        """
    )

    assert found["levels"] >= 3
    assert found["many"] > 2 * found["alone"]


def test_node_minutes_are_kept_for_ninety_days_and_those_of_runs_for_two_weeks():
    with DemoAccount(end_date=END, days=95) as longer:
        found = longer.fetch(
            "select min(t.start_time) as oldest, min(case when c.cluster_source <> 'UI' then t.start_time end) as runs "
            "from system.compute.node_timeline as t join system.compute.clusters as c on c.cluster_id = t.cluster_id"
        ).read_all().to_pylist()[0]  # fmt: skip
        clusters = longer.fetch(
            "select min(c.change_time) as t from system.compute.clusters as c where c.cluster_source = 'JOB'"
        ).read_all()["t"][0].as_py()  # fmt: skip

    assert found["oldest"].date() == clusters.date() == day(-NODE_DAYS)
    assert found["runs"].date() == day(-RUN_NODE_DAYS)


def test_the_cluster_of_a_run_is_made_with_it_and_deleted_with_it(one):
    found = one(
        """
        with lives as (
            select c.workspace_id, c.cluster_id, max(c.cluster_source) as source, min(c.create_time) as made,
                max(c.delete_time) as deleted, count(*) as versions, count(distinct c.change_time) as times,
                count(c.auto_termination_minutes) as limits
            from system.compute.clusters as c
            where c.cluster_source <> 'UI'
            group by c.workspace_id, c.cluster_id
        ),
        nodes as (
            select t.workspace_id, t.cluster_id, min(t.start_time) as first, max(t.end_time) as last
            from system.compute.node_timeline as t
            group by t.workspace_id, t.cluster_id
        )
        select count(*) as n, count(distinct l.source) as sources, max(l.limits) as limits,
            count(case when l.versions <> l.times or l.versions > 2 then 1 end) as odd,
            count(case when l.deleted is null then 1 end) as alive,
            count(n.cluster_id) as with_nodes,
            count(case when n.first < date_trunc('MINUTE', l.made) or n.last > l.deleted + interval 1 minute
                then 1 end) as outside
        from lives as l
        left join nodes as n on n.workspace_id = l.workspace_id and n.cluster_id = l.cluster_id
        """
    )

    assert found["n"] > 3_000
    assert (found["sources"], found["limits"], found["odd"], found["outside"]) == (2, 0, 0, 0)
    assert 0 < found["alive"] < 60
    assert found["with_nodes"] > 500


def test_every_node_type_in_use_is_known_with_its_size(one):
    found = one(
        """
        select count(*) as n, count(k.node_type) as known, min(k.core_count) as cores, min(k.memory_mb) as memory,
            max(k.gpu_count) as gpus
        from (
            select c.driver_node_type as node_type from system.compute.clusters as c
            union
            select u.usage_metadata.node_type from system.billing.usage as u
            where u.usage_metadata.node_type is not null
        ) as used
        left join system.compute.node_types as k on k.node_type = used.node_type
        """
    )

    assert found["n"] == found["known"] >= 8
    assert (found["cores"], found["memory"], found["gpus"]) == (4.0, 14_336, 1)


# Warehouses


RUNNING = f"""
with sizes as ({WAREHOUSE_DBU}),
ordered as (
    select e.workspace_id, e.warehouse_id, e.event_time, e.event_type, e.cluster_count,
        lead(e.event_time) over (
            partition by e.workspace_id, e.warehouse_id
            order by e.event_time, case e.event_type when 'STARTING' then 1 when 'RUNNING' then 2
                when 'STOPPING' then 4 when 'STOPPED' then 5 else 3 end
        ) as next_time
    from system.compute.warehouse_events as e
),
up as (
    select o.workspace_id, o.warehouse_id, o.cluster_count, o.event_time as s, coalesce(o.next_time, :look) as e
    from ordered as o
    where o.event_type in ('RUNNING', 'SCALED_UP', 'SCALED_DOWN', 'STOPPING')
        and coalesce(o.next_time, :look) > o.event_time
)
""".replace("sizes as (values", "sizes (size, dbu) as (values")


def test_a_billed_warehouse_hour_has_the_warehouse_running_with_the_billed_clusters(ask):
    rows = ask(
        RUNNING
        + """
        select w.warehouse_name as name, u.usage_start_time as hour, max(w.max_clusters) as most,
            max(u.usage_quantity / z.dbu) as billed,
            coalesce(sum(
                (unix_timestamp(least(r.e, u.usage_end_time)) - unix_timestamp(greatest(r.s, u.usage_start_time)))
                * r.cluster_count / 3600.0
            ), 0) as ran
        from system.billing.usage as u
        join system.compute.warehouses as w on w.warehouse_id = u.usage_metadata.warehouse_id
        join sizes as z on z.size = w.warehouse_size
        left join up as r on r.warehouse_id = w.warehouse_id and r.s < u.usage_end_time and r.e > u.usage_start_time
        where u.record_type = 'ORIGINAL' and u.usage_end_time <= :look and u.usage_date >= :since
        group by w.warehouse_name, u.usage_start_time, u.record_id
        """,
        look=END,
        since=day(-DAYS + 1),
    )

    assert len(rows) > 8_000
    off = [row for row in rows if abs(float(row["billed"]) - float(row["ran"])) > 0.01]
    # A warehouse with one cluster is sometimes billed a little more than an hour.
    assert {row["name"] for row in off} <= {"Executive dashboards"}
    assert all(float(row["billed"]) > 1 and float(row["ran"]) == 1 for row in off)


def test_a_warehouse_that_is_not_billed_does_not_run(one):
    found = one(
        RUNNING
        + """
        select count(*) as n, count(u.record_id) as billed
        from (select distinct w.warehouse_id, date_trunc('HOUR', w.s) as hour from up as w where w.s < :until) as r
        left join system.billing.usage as u on u.usage_metadata.warehouse_id = r.warehouse_id
            and u.usage_start_time = r.hour and u.record_type = 'ORIGINAL'
        where r.hour >= :since
        """,
        look=END,
        since=day(-DAYS + 1),
        until=day(-4),
    )

    assert found["n"] == found["billed"] > 3_000


def test_all_events_occur_and_some_share_their_time(ask, one):
    counts = {
        row["event_type"]: row["n"]
        for row in ask(
            "select e.event_type, count(*) as n from system.compute.warehouse_events as e group by e.event_type"
        )
    }
    ties = one(
        "select count(*) as n from (select e.warehouse_id, e.event_time from system.compute.warehouse_events as e "
        "group by e.warehouse_id, e.event_time having count(*) > 1) as t"
    )["n"]

    assert set(counts) == {"STARTING", "RUNNING", "SCALED_UP", "SCALED_DOWN", "STOPPING", "STOPPED"}
    assert min(counts.values()) > 500
    assert ties > 500


def test_some_warehouses_run_at_the_look_and_have_no_closing_event(ask):
    last = {
        row["event_type"]: row["n"]
        for row in ask(
            """
            select t.event_type, count(*) as n from (
                select e.event_type from system.compute.warehouse_events as e
                qualify row_number() over (
                    partition by e.warehouse_id
                    order by e.event_time desc, case e.event_type when 'STOPPED' then 1 when 'STOPPING' then 2
                        when 'RUNNING' then 4 when 'STARTING' then 5 else 3 end
                ) = 1
            ) as t group by t.event_type
            """
        )
    }

    assert last["STOPPED"] > 0
    assert sum(n for event, n in last.items() if event in ("RUNNING", "SCALED_UP", "SCALED_DOWN")) > 5


# Statements


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


# Runs and updates


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


# What is planted: each found by one statement over the system tables


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


USE = """
    select avg(case when t.cpu_user_percent + t.cpu_system_percent < 3 then 1.0 else 0.0 end) as idle,
        percentile(t.cpu_user_percent + t.cpu_system_percent, 0.95) as cpu,
        percentile(t.mem_used_percent, 0.95) as memory,
        avg(t.cpu_wait_percent) as waiting, max(t.mem_swap_percent) as swap,
        max(t.cpu_user_percent + t.cpu_system_percent) as most
    from system.compute.node_timeline as t
    join (
        select * from system.compute.clusters
        qualify row_number() over (partition by workspace_id, cluster_id order by change_time desc) = 1
    ) as c on c.workspace_id = t.workspace_id and c.cluster_id = t.cluster_id
    where c.cluster_name = :name
"""


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


# What the facts of the bill look like on the nodes and in the statements


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
