-- What recommendations read of the hours of a few clusters, without reading those of all.

create index node_utilization_cluster on costpulse.node_utilization (workspace_id, cluster_id, usage_date);

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
            c.from_date
        from unnest(
            idle_hours.workspace_ids, idle_hours.cluster_ids, idle_hours.from_dates
        ) as c (workspace_id, cluster_id, from_date)
    ),

    machines as (
        select
            i.workspace_id,
            i.cluster_id,
            t.node_type,
            p.usd_per_hour,
            p.source
        from clusters as c
        inner join costpulse.cluster_info as i on c.workspace_id = i.workspace_id and c.cluster_id = i.cluster_id
        inner join costpulse.workspaces as w on c.workspace_id = w.workspace_id
        cross join
            lateral (
                select i.driver_node_type as node_type
                union
                select i.worker_node_type as node_type
            ) as t
        cross join lateral costpulse.vm_price_in_force(w.cloud, w.region, t.node_type, idle_hours.last_date) as p
    ),

    hours as (
        select
            n.workspace_id,
            n.cluster_id,
            n.usage_date,
            n.usage_date + n.usage_hour * interval '1 hour' as hour_start,
            sum(n.node_minutes) as node_minutes,
            sum(sum(n.node_minutes)) over (
                partition by n.workspace_id, n.cluster_id, n.usage_date
            ) as node_minutes_of_day,
            max(n.up_minutes)::integer as up_minutes,
            max(n.idle_minutes) as idle_minutes,
            case
                when count(m.usd_per_hour) = count(*) then sum(n.node_minutes * m.usd_per_hour) / 60
            end as vm_cost_usd,
            bool_and(m.source = 'user') as is_vm_price_of_user
        from clusters as c
        inner join costpulse.node_utilization as n
            on
                c.workspace_id = n.workspace_id
                and c.cluster_id = n.cluster_id
                and n.usage_date between c.from_date and idle_hours.last_date
        left join machines as m
            on n.workspace_id = m.workspace_id and n.cluster_id = m.cluster_id and n.node_type = m.node_type
        group by n.workspace_id, n.cluster_id, n.usage_date, n.usage_hour
    ),

    idle as (
        select
            h.*,
            d.cost_usd as cost_usd_of_day,
            -- a task that waits leaves the CPU alone
            least(h.idle_minutes, greatest(h.up_minutes - coalesce(t.task_seconds, 0) / 60.0, 0)) as free_minutes
        from hours as h
        inner join costpulse.cluster_daily as d
            on h.workspace_id = d.workspace_id and h.cluster_id = d.cluster_id and h.usage_date = d.usage_date
        left join costpulse.cluster_task_hours as t
            on
                h.usage_date = t.usage_date
                and t.usage_hour = extract(hour from h.hour_start)
                and h.workspace_id = t.workspace_id
                and h.cluster_id = t.cluster_id
        where h.idle_minutes > 0
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
