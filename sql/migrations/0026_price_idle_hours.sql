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
    with clusters as materialized (
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

    -- of each region, by node type
    machines as materialized (
        select
            k.cloud,
            k.region,
            jsonb_object_agg(k.node_type, p.usd_per_hour) as prices,
            coalesce(array_agg(k.node_type) filter (where p.source = 'user'), '{}') as types_of_user
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
        group by k.cloud, k.region
    )

    -- Cluster by cluster and day by day through the index, and only days with idle time: joins of whole months are
    -- planned badly, and sorted as a whole.
    select
        c.workspace_id,
        c.cluster_id,
        '1970-01-01'::timestamp + n.hour_number * interval '1 hour' as hour_start,
        n.up_minutes,
        n.free_minutes as idle_minutes,
        n.cost_usd_of_day * n.node_minutes * n.free_minutes / (n.node_minutes_of_day * n.up_minutes) as cost_usd,
        case
            when n.free_minutes = n.up_minutes then n.vm_cost_usd else n.vm_cost_usd * n.free_minutes / n.up_minutes
        end as vm_cost_usd,
        n.is_vm_price_of_user,
        n.island,
        not n.goes_on or (n.has_next and n.free_minutes < 60) as begins
    from clusters as c
    left join machines as m on c.cloud = m.cloud and c.region is not distinct from m.region
    cross join lateral (
        select
            i.*,
            -- hours in a row differ from their place by the same
            i.hour_number - row_number() over one as island,
            coalesce(lag(i.hour_number) over one = i.hour_number - 1, false) as goes_on,
            coalesce(lead(i.hour_number) over one = i.hour_number + 1, false) as has_next
        from (
            select
                (d.usage_date - '1970-01-01'::date) * 24 + h.usage_hour as hour_number,
                h.up_minutes,
                h.node_minutes,
                h.vm_cost_usd,
                h.is_vm_price_of_user,
                d.cost_usd as cost_usd_of_day,
                d.node_minutes as node_minutes_of_day,
                -- a task that waits leaves the CPU alone
                case
                    when t.task_seconds is null then h.idle_minutes
                    else least(h.idle_minutes, greatest(h.up_minutes - t.task_seconds / 60.0, 0))
                end as free_minutes
            from (
                select
                    a.usage_date,
                    a.cost_usd,
                    a.task_hours,
                    round(60 * (coalesce(a.driver_node_hours, 0) + coalesce(a.worker_node_hours, 0))) as node_minutes
                from costpulse.cluster_daily as a
                where
                    a.workspace_id = c.workspace_id
                    and a.cluster_id = c.cluster_id
                    and a.usage_date between c.from_date and idle_hours.last_date
                    and a.idle_hours > 0
                -- once a day, not once an hour
                offset 0
            ) as d
            cross join lateral (
                select
                    n.usage_hour,
                    sum(n.node_minutes) as node_minutes,
                    max(n.up_minutes)::integer as up_minutes,
                    max(n.idle_minutes) as idle_minutes,
                    case
                        when bool_and(m.prices ? n.node_type)
                            then sum(n.node_minutes * (m.prices -> n.node_type)::numeric) / 60
                    end as vm_cost_usd,
                    bool_and(n.node_type = any(m.types_of_user)) as is_vm_price_of_user
                from costpulse.node_utilization as n
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
        ) as i
        where i.free_minutes > 0
        window one as (order by i.hour_number)
    ) as n
$body$;
