"""SQL warehouses: running when they are billed, on as many clusters."""

from tests.resources.demo_telemetry.statements import DAYS, RUNNING
from tests.resources.test_demo_account import END, day


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
