-- workspace x cluster: all-purpose cluster that needs fewer workers while it works, or smaller nodes where there are
-- none to take away
with candidates as materialized (
    select
        row_number() over () as number,
        i.workspace_id,
        i.cluster_id,
        i.cluster_name,
        i.owner,
        i.num_workers,
        i.min_workers,
        i.max_workers,
        i.driver_node_type,
        i.worker_node_type,
        i.driver_cores,
        i.worker_cores,
        i.is_pool_backed,
        f.counts_from,
        f.has_workers,
        sum(d.cost_usd) as resource_cost_usd,
        count(*) filter (where d.usage_date >= f.counts_from and d.up_hours > 0) as up_days
    from costpulse.cluster_info as i
    cross join
        lateral (
            select
            -- what it did before its configuration was last changed says nothing about it as it is
                case
                    when i.changed_at <= i.created_at or i.changed_at is null then %(first_date)s::date
                    else greatest(%(first_date)s::date, (i.changed_at at time zone 'UTC')::date + 1)
                end as counts_from,
                coalesce(i.num_workers, i.max_workers, 0) > 0 as has_workers
        ) as f
    inner join costpulse.node_types as a on i.driver_node_type = a.node_type
    left join costpulse.node_types as b on i.worker_node_type = b.node_type
    inner join costpulse.cluster_daily as d on i.workspace_id = d.workspace_id and i.cluster_id = d.cluster_id
    where
        i.cluster_type = 'all-purpose'
        and i.deleted_at is null
        and i.last_up_at >= %(first_date)s::date
        and d.usage_date between %(first_date)s and %(last_date)s
        and i.driver_cores > 0
        -- how busy a GPU is, nothing here tells
        and coalesce(a.gpu_count, 0) = 0
        and (not f.has_workers or (i.worker_cores > 0 and coalesce(b.gpu_count, 0) = 0))
    group by i.id, f.counts_from, f.has_workers
    having
        sum(d.cost_usd) > 0
        and sum(d.up_hours - d.idle_hours) filter (where d.usage_date >= f.counts_from) >= %(minimum_busy_hours)s
        -- idle time only lowers these averages
        and least(
            sum(
                case
                    when f.has_workers then d.worker_cpu_avg * d.worker_node_hours
                    else d.driver_cpu_avg * d.driver_node_hours
                end
            ) filter (where d.usage_date >= f.counts_from) / %(maximum_cpu_percent)s,
            sum(
                case
                    when f.has_workers then d.worker_mem_avg * d.worker_node_hours
                    else d.driver_mem_avg * d.driver_node_hours
                end
            ) filter (where d.usage_date >= f.counts_from) / %(maximum_memory_percent)s
        )
        < sum(case when f.has_workers then d.worker_node_hours else d.driver_node_hours end) filter (
            where d.usage_date >= f.counts_from
        )
        and coalesce(
            max(case when f.has_workers then d.worker_swap_max else d.driver_swap_max end) filter (
                where d.usage_date >= f.counts_from
            ), 0
        ) <= %(maximum_swap_percent)s
),

-- The hours of a cluster stay with it in arrays, in the same order; of a cluster without workers, the driver is what is
-- sized. Cluster by cluster and day by day through the index: joins of whole months are planned badly, and sorted.
sized as materialized (
    select
        c.number,
        s.*
    from candidates as c
    cross join
        lateral (
            select
                count(*) filter (where h.is_busy) as busy_hours,
                sum(h.cpu_sum) filter (where h.is_busy)
                / sum(h.sized_minutes) filter (where h.is_busy) / 100 as cpu_percent,
                sum(h.mem_sum) filter (where h.is_busy)
                / sum(h.sized_minutes) filter (where h.is_busy) / 100 as memory_percent,
                sum(h.io_wait_sum) filter (where h.is_busy)
                / sum(h.sized_minutes) filter (where h.is_busy) / 100 as io_wait_percent,
                sum(h.sized_minutes) as all_sized_minutes,
                array_agg(h.up_minutes) as up_minutes,
                array_agg(h.driver_minutes) as driver_minutes,
                array_agg(h.sized_minutes) as sized_minutes,
                array_agg(h.cpu_sum) as cpu_sums,
                array_agg(h.mem_sum) as mem_sums,
                array_agg(h.is_busy) as is_busy,
                array_agg(h.usd_per_core_minute) as usd_per_core_minute
            from (
                select
                    g.up_minutes,
                    g.driver_minutes,
                    g.sized_minutes,
                    g.cpu_sum,
                    g.mem_sum,
                    g.io_wait_sum,
                    d.usd_per_core_minute,
                    coalesce(g.idle_minutes, 0) = 0
                    and g.sized_minutes > 0
                    and g.cpu_sum is not null
                    and g.mem_sum is not null as is_busy
                from (
                    select
                        a.usage_date,
                        a.cost_usd / nullif(
                            round(60 * coalesce(a.driver_node_hours, 0)) * c.driver_cores
                            + case
                                when c.has_workers then round(60 * coalesce(a.worker_node_hours, 0)) * c.worker_cores
                                else 0
                            end, 0
                        ) as usd_per_core_minute
                    from costpulse.cluster_daily as a
                    where
                        a.workspace_id = c.workspace_id
                        and a.cluster_id = c.cluster_id
                        and a.usage_date between c.counts_from and %(last_date)s
                        and a.cost_usd is not null
                    -- once a day, not once an hour
                    offset 0
                ) as d
                cross join
                    lateral (
                        select
                            max(n.up_minutes) as up_minutes,
                            max(n.idle_minutes) as idle_minutes,
                            coalesce(sum(n.node_minutes) filter (where n.is_driver), 0) as driver_minutes,
                            coalesce(sum(n.node_minutes) filter (where n.is_driver <> c.has_workers), 0)
                                as sized_minutes,
                            sum(n.cpu_sum) filter (where n.is_driver <> c.has_workers) as cpu_sum,
                            sum(n.mem_sum) filter (where n.is_driver <> c.has_workers) as mem_sum,
                            sum(n.io_wait_sum) filter (where n.is_driver <> c.has_workers) as io_wait_sum
                        from costpulse.node_utilization as n
                        where
                            n.workspace_id = c.workspace_id
                            and n.cluster_id = c.cluster_id
                            and n.usage_date = d.usage_date
                        group by n.usage_hour
                        having max(n.up_minutes) > 0
                    ) as g
            ) as h
        ) as s
    where
        s.busy_hours >= %(minimum_busy_hours)s
        and (s.cpu_percent < %(maximum_cpu_percent)s or s.memory_percent < %(maximum_memory_percent)s)
        and coalesce(s.io_wait_percent, 0) <= %(maximum_io_wait_percent)s
),

-- Nodes that would have stayed below both limits in each hour; sums are hundredths of a percent over all minutes.
needs as materialized (
    select
        s.*,
        k.core_hours,
        k.counted_cost_usd,
        k.needed,
        k.needed_median,
        k.needed_p95,
        k.p95_hour_cpu_percent,
        k.p95_hour_memory_percent
    from sized as s
    inner join candidates as c on s.number = c.number
    cross join
        lateral (
            select
                sum(h.core_minutes) / 60 as core_hours,
                sum(h.core_minutes * h.usd_per_core_minute) as counted_cost_usd,
                array_agg(h.needed) as needed,
                percentile_disc(0.5) within group (order by h.needed) filter (where h.is_busy) as needed_median,
                percentile_disc(0.95) within group (order by h.needed) filter (where h.is_busy) as needed_p95,
                percentile_disc(0.95) within group (order by h.cpu_percent) filter (where h.is_busy)
                    as p95_hour_cpu_percent,
                percentile_disc(0.95) within group (order by h.memory_percent) filter (where h.is_busy)
                    as p95_hour_memory_percent
            from (
                select
                    n.is_busy,
                    n.usd_per_core_minute,
                    n.driver_minutes * c.driver_cores
                    + case when c.has_workers then n.sized_minutes * c.worker_cores else 0 end as core_minutes,
                    n.cpu_sum / nullif(n.sized_minutes, 0) / 100 as cpu_percent,
                    n.mem_sum / nullif(n.sized_minutes, 0) / 100 as memory_percent,
                    greatest(
                        ceil(n.cpu_sum / (n.up_minutes * %(target_cpu_percent)s * 100)),
                        ceil(n.mem_sum / (n.up_minutes * %(target_memory_percent)s * 100)),
                        1
                    )::integer as needed
                from unnest(
                    s.up_minutes, s.driver_minutes, s.sized_minutes, s.cpu_sums, s.mem_sums, s.is_busy,
                    s.usd_per_core_minute
                ) as n (
                    up_minutes, driver_minutes, sized_minutes, cpu_sum, mem_sum, is_busy, usd_per_core_minute
                )
            ) as h
        ) as k
),

-- All that a change of size may rest on; telemetry with gaps in it is no evidence.
judged as materialized (
    select
        c.*,
        s.busy_hours,
        s.cpu_percent,
        s.memory_percent,
        s.io_wait_percent,
        s.needed_median,
        s.needed_p95,
        s.p95_hour_cpu_percent,
        s.p95_hour_memory_percent,
        s.core_hours,
        s.counted_cost_usd,
        s.up_minutes,
        s.sized_minutes,
        s.needed,
        s.usd_per_core_minute,
        h.p95_cpu_percent,
        case
            when c.has_workers and s.needed_median < c.num_workers then 'fixed'
            when c.has_workers and c.num_workers is null then 'autoscale'
            -- the node type of a cluster of a pool is the pool's
            when not c.is_pool_backed and (not c.has_workers or c.num_workers = 1) then 'node type'
        end as way,
        least(c.min_workers, s.needed_median) as new_min_workers,
        least(c.max_workers, greatest(s.needed_p95, least(c.min_workers, s.needed_median))) as new_max_workers
    from candidates as c
    inner join needs as s on c.number = s.number
    cross join
        lateral (
            select
                sum(b.cpu) as cpu_readings,
                sum(b.mem) as mem_readings,
                costpulse.histogram_percentile(array_agg(b.cpu order by b.bin), 0.95) as p95_cpu_percent
            from (
                select
                    m.bin,
                    sum(m.cpu)::integer as cpu,
                    sum(m.mem)::integer as mem
                from costpulse.cluster_daily as d
                cross join
                    lateral unnest(
                        case when c.has_workers then d.worker_cpu_minutes else d.driver_cpu_minutes end,
                        case when c.has_workers then d.worker_mem_minutes else d.driver_mem_minutes end
                    ) with ordinality as m (cpu, mem, bin)
                where
                    d.workspace_id = c.workspace_id
                    and d.cluster_id = c.cluster_id
                    and d.usage_date between c.counts_from and %(last_date)s
                    and d.cost_usd is not null
                group by m.bin
            ) as b
        ) as h
    where
        least(h.cpu_readings, h.mem_readings) >= 0.95 * s.all_sized_minutes
),

savings as (
    select
        j.*,
        r.removed_core_hours,
        r.saving_usd,
        t.node_type as smaller_node_type
    from judged as j
    -- the next smaller node of the same family: half the cores, half the memory
    left join lateral (
        select min(t.node_type) as node_type
        from costpulse.node_types as o
        inner join costpulse.node_types as t
            on
                o.core_count = t.core_count * 2
                and t.memory_mb * 2 between 0.95 * o.memory_mb and 1.05 * o.memory_mb
                and coalesce(t.gpu_count, 0) = 0
                and case
                    when o.node_type like 'Standard\_%%'
                        then
                            regexp_replace(t.node_type, '^(Standard_[A-Za-z]+)\d+', '\1')
                            = regexp_replace(o.node_type, '^(Standard_[A-Za-z]+)\d+', '\1')
                    when o.node_type like '%%.%%' then split_part(t.node_type, '.', 1) = split_part(o.node_type, '.', 1)
                    else regexp_replace(t.node_type, '-\d+$', '') = regexp_replace(o.node_type, '-\d+$', '')
                end
        where
            o.node_type = case when j.has_workers then j.worker_node_type else j.driver_node_type end
            and j.way = 'node type'
            and 2 * j.p95_hour_cpu_percent <= %(target_cpu_percent)s
            and 2 * j.p95_hour_memory_percent <= %(target_memory_percent)s
    ) as t on true
    -- of each hour, minutes of cores that would not run
    cross join
        lateral (
            select
                sum(k.removed_core_minutes) / 60 as removed_core_hours,
                sum(k.removed_core_minutes * k.usd_per_core_minute) as saving_usd
            from (
                select
                    n.usd_per_core_minute,
                    case
                        when j.way = 'fixed'
                            then greatest(n.sized_minutes - j.needed_median * n.up_minutes, 0) * j.worker_cores
                        when j.way = 'autoscale'
                            then
                                greatest(
                                    n.sized_minutes - n.up_minutes * least(
                                        j.new_max_workers,
                                        -- above its fewest workers it follows the load already
                                        case
                                            when n.sized_minutes > j.min_workers * n.up_minutes
                                                then n.sized_minutes / n.up_minutes::numeric
                                            else greatest(j.new_min_workers, n.needed)
                                        end
                                    ), 0
                                ) * j.worker_cores
                        else n.sized_minutes * case when j.has_workers then j.worker_cores else j.driver_cores end / 2
                    end as removed_core_minutes
                from unnest(
                    j.up_minutes, j.sized_minutes, j.needed, j.usd_per_core_minute
                ) as n (up_minutes, sized_minutes, needed, usd_per_core_minute)
            ) as k
        ) as r
    where j.way is not null
),

found as (
    select
        s.workspace_id,
        s.cluster_id,
        s.cluster_name,
        s.owner,
        s.num_workers,
        s.min_workers,
        s.max_workers,
        s.new_min_workers,
        s.new_max_workers,
        s.driver_node_type,
        s.worker_node_type,
        s.smaller_node_type,
        s.driver_cores,
        s.worker_cores,
        s.has_workers,
        s.is_pool_backed,
        s.way,
        s.counts_from,
        s.up_days,
        s.busy_hours,
        s.cpu_percent,
        s.memory_percent,
        s.io_wait_percent,
        s.p95_cpu_percent,
        s.p95_hour_cpu_percent,
        s.p95_hour_memory_percent,
        s.needed_median,
        s.needed_p95,
        s.core_hours,
        s.removed_core_hours,
        s.counted_cost_usd,
        s.resource_cost_usd,
        least(round(s.saving_usd, 18), s.resource_cost_usd) as saving_usd,
        coalesce(s.cluster_name, s.cluster_id) as called,
        case
            when s.way = 'fixed' then s.p95_cpu_percent * s.num_workers / s.needed_median
            when s.way = 'node type' then s.p95_cpu_percent * 2
            else s.p95_cpu_percent
        end as p95_cpu_then
    from savings as s
    where
        s.saving_usd > 0
        and (s.way <> 'node type' or s.smaller_node_type is not null)
        and (s.way <> 'autoscale' or (s.new_min_workers, s.new_max_workers) <> (s.min_workers, s.max_workers))
),

-- what to set, and to what
changes as (
    select
        f.*,
        case f.way
            when 'fixed' then 'num_workers'
            when 'autoscale' then 'min_workers-max_workers'
            else case when f.has_workers then 'worker_node_type' else 'driver_node_type' end
        end as setting,
        case f.way
            when 'fixed' then f.num_workers::text
            when 'autoscale' then concat(f.min_workers, '-', f.max_workers)
            else case when f.has_workers then f.worker_node_type else f.driver_node_type end
        end as setting_from,
        case f.way
            when 'fixed' then f.needed_median::text
            when 'autoscale' then concat(f.new_min_workers, '-', f.new_max_workers)
            else f.smaller_node_type
        end as setting_to,
        case f.way
            when 'fixed' then 'num_workers'
            when 'autoscale' then 'autoscale'
            else 'node_type_id,driver_node_type_id'
        end as update_mask,
        case f.way
            when 'fixed' then jsonb_build_object('num_workers', f.needed_median)
            when 'autoscale'
                then
                    jsonb_build_object(
                        'autoscale',
                        jsonb_build_object('min_workers', f.new_min_workers, 'max_workers', f.new_max_workers)
                    )
            else
                jsonb_build_object(
                    'node_type_id', f.smaller_node_type,
                    'driver_node_type_id', case when f.has_workers then f.driver_node_type else f.smaller_node_type end
                )
        end as new_settings
    from found as f
)

insert into found_recommendations (
    type, workspace_id, resource_type, resource_id, resource_name, acts_on, bearer_type, bearer_id, person,
    resource_cost_usd, saving_usd, wasted_usd, vm_saving_usd, vm_saving_source, confidence, confidence_reason, title,
    evidence, calculation, setting, setting_from, setting_to, command
)
select
    'right_size_cluster' as type,
    c.workspace_id,
    'cluster' as resource_type,
    c.cluster_id as resource_id,
    c.cluster_name as resource_name,
    'size' as acts_on,
    'cluster' as bearer_type,
    c.cluster_id as bearer_id,
    c.owner as person,
    c.resource_cost_usd,
    c.saving_usd,
    null as wasted_usd,
    v.vm_saving_usd,
    case when v.vm_saving_usd is not null then v.vm_saving_source end as vm_saving_source,
    case
        when c.up_days < 5 then 'low'
        when c.way = 'autoscale' then case when c.up_days >= 14 then 'medium' else 'low' end
        when c.way = 'fixed' and c.needed_p95 > 1.5 * c.needed_median then 'low'
        when
            c.up_days < 14 or c.p95_cpu_then > 100 or (c.way = 'fixed' and c.needed_p95 > c.needed_median)
            then 'medium'
        else 'high'
    end as confidence,
    case
        when c.way = 'fixed'
            then
                format(
                    'Half of %%s busy hours on %%s days need %%s workers or fewer, 95 %%%% need %%s or fewer; with '
                    '%%s the CPUs would be at %%s %%%% in the busiest twentieth of the minutes.',
                    c.busy_hours, c.up_days, c.needed_median, c.needed_p95, c.needed_median, round(c.p95_cpu_then)
                )
        when c.way = 'autoscale'
            then
                format(
                    'Half of %%s busy hours on %%s days need %%s workers or fewer, 95 %%%% need %%s or fewer; how it '
                    'scales between the limits is up to Databricks.',
                    c.busy_hours, c.up_days, c.needed_median, c.needed_p95
                )
        else
            format(
                'In 95 %%%% of %%s busy hours on %%s days CPU stays below %%s %%%% and memory below %%s %%%%: '
                'twice that fits.',
                c.busy_hours, c.up_days, ceil(c.p95_hour_cpu_percent), ceil(c.p95_hour_memory_percent)
            )
    end
    || case
        when c.is_pool_backed
            then ' Its pool may keep the machines: what they cost at the cloud provider is not counted.'
        else ''
    end as confidence_reason,
    case c.way
        when 'fixed' then format('Give "%%s" %%s workers, not %%s', c.called, c.needed_median, c.num_workers)
        when 'autoscale'
            then format('Let "%%s" scale from %%s workers, not from %%s', c.called, c.setting_to, c.setting_from)
        else format('Give "%%s" nodes of type %%s, not %%s', c.called, c.setting_to, c.setting_from)
    end as title,
    jsonb_build_object(
        'busy_hours', c.busy_hours,
        'cpu_percent', round(c.cpu_percent, 1),
        'memory_percent', round(c.memory_percent, 1),
        'io_wait_percent', round(c.io_wait_percent, 1),
        'p95_cpu_percent', c.p95_cpu_percent,
        'workers', coalesce(c.num_workers::text, concat(c.min_workers, '-', c.max_workers)),
        'needed_median', c.needed_median,
        'needed_p95', c.needed_p95,
        'removed_core_hours', round(c.removed_core_hours, 1),
        'core_hours', round(c.core_hours, 1),
        'days', c.up_days,
        'counted_from', c.counts_from
    ) as evidence,
    format(
        '%%s of %%s core hours less, by the day, of %%s USD is %%s USD', round(c.removed_core_hours, 1),
        round(c.core_hours, 1), round(c.counted_cost_usd, 2), round(c.saving_usd, 2)
    ) as calculation,
    c.setting,
    c.setting_from,
    c.setting_to,
    'databricks api post /api/2.1/clusters/update --json '
    || quote_literal(
        jsonb_build_object('cluster_id', c.cluster_id, 'update_mask', c.update_mask, 'cluster', c.new_settings)::text
    ) as command
from changes as c
left join lateral (
    select
        round(
            case
                when c.way = 'node type'
                    then
                        greatest(b.usd_per_hour - a.usd_per_hour, 0) * 2 * c.removed_core_hours
                        / case when c.has_workers then c.worker_cores else c.driver_cores end
                else b.usd_per_hour * c.removed_core_hours / c.worker_cores
            end, 18
        ) as vm_saving_usd,
        case
            when b.source = 'user' and coalesce(a.source, 'user') = 'user' then 'user' else 'estimate'
        end as vm_saving_source
    from costpulse.workspaces as w
    cross join
        lateral costpulse.vm_price_in_force(
            w.cloud, w.region, case when c.has_workers then c.worker_node_type else c.driver_node_type end,
            %(last_date)s::date
        ) as b
    left join
        lateral costpulse.vm_price_in_force(w.cloud, w.region, c.smaller_node_type, %(last_date)s::date) as a
        on true
    where w.workspace_id = c.workspace_id and not c.is_pool_backed
) as v on true
