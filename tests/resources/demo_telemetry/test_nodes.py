"""Clusters and their nodes: up when they are billed, as large as they are configured."""

from costpulse_assets.resources.demo_account import DemoAccount
from costpulse_assets.resources.demo_account.generate_clusters import NODE_DAYS, RUN_NODE_DAYS
from tests.resources.test_demo_account import END, day


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
