-- What recommendations read of the hours of a few clusters, without reading those of all.

-- All that is read of an hour is in the index: the rows of one cluster lie apart from each other in the table.
create index node_utilization_cluster on costpulse.node_utilization (workspace_id, cluster_id, usage_date, usage_hour)
include (is_driver, node_type, node_minutes, up_minutes, idle_minutes, cpu_sum, mem_sum, io_wait_sum);

-- One row per cluster and UTC hour in which it was idle, of the clusters given (by the same place in all arrays) from
-- their day on. The cost of a day goes by its node minutes: an hour with few nodes is a cheap one. vm_cost_usd is null
-- where a machine has no price. `island` numbers hours that follow each other; `begins` says that a stretch of idle
-- time begins: an hour amidst others that is idle only in part was interrupted.
create function costpulse.idle_hours(
    workspace_ids text[], cluster_ids text[], from_dates date[], last_date date
)
returns table (
    workspace_id text,
    cluster_id text,
    hour_start timestamp,
    up_minutes integer,
    idle_minutes numeric,
    cost_usd numeric,
    vm_cost_usd numeric,
    is_vm_price_of_user boolean,
    island bigint,
    begins boolean
)
language sql stable parallel safe
set search_path = pg_catalog
as $body$
    with clusters as (
        select
            c.workspace_id,
            c.cluster_id,
            c.from_date,
            i.driver_node_type,
            i.worker_node_type,
            w.cloud,
            w.region
        from unnest(
            idle_hours.workspace_ids, idle_hours.cluster_ids, idle_hours.from_dates
        ) as c (workspace_id, cluster_id, from_date)
        inner join costpulse.cluster_info as i on c.workspace_id = i.workspace_id and c.cluster_id = i.cluster_id
        left join costpulse.workspaces as w on c.workspace_id = w.workspace_id
    ),

    machines as materialized (
        select
            k.cloud,
            k.region,
            k.node_type,
            p.usd_per_hour,
            p.source
        from (
            select
                c.cloud,
                c.region,
                c.driver_node_type as node_type
            from clusters as c
            union
            select
                c.cloud,
                c.region,
                c.worker_node_type as node_type
            from clusters as c
        ) as k
        cross join lateral costpulse.vm_price_in_force(k.cloud, k.region, k.node_type, idle_hours.last_date) as p
    ),

    -- day by day through the index, and only days with idle time: joins of whole months are planned badly
    idle as (
        select
            c.workspace_id,
            c.cluster_id,
            d.usage_date + h.usage_hour * interval '1 hour' as hour_start,
            h.up_minutes,
            h.node_minutes,
            h.vm_cost_usd,
            h.is_vm_price_of_user,
            d.cost_usd as cost_usd_of_day,
            round(60 * (coalesce(d.driver_node_hours, 0) + coalesce(d.worker_node_hours, 0))) as node_minutes_of_day,
            -- a task that waits leaves the CPU alone
            least(h.idle_minutes, greatest(h.up_minutes - coalesce(t.task_seconds, 0) / 60.0, 0)) as free_minutes
        from clusters as c
        inner join costpulse.cluster_daily as d
            on
                c.workspace_id = d.workspace_id
                and c.cluster_id = d.cluster_id
                and d.usage_date between c.from_date and idle_hours.last_date
        cross join lateral (
            select
                n.usage_hour,
                sum(n.node_minutes) as node_minutes,
                max(n.up_minutes)::integer as up_minutes,
                max(n.idle_minutes) as idle_minutes,
                case
                    when count(m.usd_per_hour) = count(*) then sum(n.node_minutes * m.usd_per_hour) / 60
                end as vm_cost_usd,
                bool_and(m.source = 'user') as is_vm_price_of_user
            from costpulse.node_utilization as n
            left join machines as m
                on n.node_type = m.node_type and c.cloud = m.cloud and c.region is not distinct from m.region
            where
                n.workspace_id = c.workspace_id
                and n.cluster_id = c.cluster_id
                and n.usage_date = d.usage_date
            group by n.usage_hour
            having max(n.idle_minutes) > 0
        ) as h
        left join lateral (
            select k.task_seconds
            from costpulse.cluster_task_hours as k
            where
                d.task_hours > 0
                and k.usage_date = d.usage_date
                and k.usage_hour = h.usage_hour
                and k.workspace_id = c.workspace_id
                and k.cluster_id = c.cluster_id
            limit 1
        ) as t on true
        where d.idle_hours > 0
    ),

    neighbours as (
        select
            i.*,
            coalesce(lag(i.hour_start) over one = i.hour_start - interval '1 hour', false) as goes_on,
            coalesce(lead(i.hour_start) over one = i.hour_start + interval '1 hour', false) as has_next
        from idle as i
        where i.free_minutes > 0
        window one as (partition by i.workspace_id, i.cluster_id order by i.hour_start)
    )

    select
        n.workspace_id,
        n.cluster_id,
        n.hour_start,
        n.up_minutes,
        n.free_minutes as idle_minutes,
        n.cost_usd_of_day * n.node_minutes * n.free_minutes / (n.node_minutes_of_day * n.up_minutes) as cost_usd,
        n.vm_cost_usd * n.free_minutes / n.up_minutes as vm_cost_usd,
        n.is_vm_price_of_user,
        count(*) filter (where not n.goes_on) over (
            partition by n.workspace_id, n.cluster_id order by n.hour_start
        ) as island,
        not n.goes_on or (n.has_next and n.free_minutes < 60) as begins
    from neighbours as n
$body$;
