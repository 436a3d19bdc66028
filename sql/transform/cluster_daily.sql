-- usage_date x workspace x cluster: telemetry of node_utilization beside DBUs and cost of daily_key_costs
with utilization as (
    select
        n.usage_date,
        n.workspace_id,
        n.cluster_id,
        sum(n.up_minutes) as up_minutes,
        -- a task that waits leaves the CPU alone: in each hour its time bounds what can have been idle
        sum(least(n.idle_minutes, greatest(n.up_minutes - coalesce(h.task_seconds, 0) / 60.0, 0))) as idle_minutes,
        sum(n.node_minutes) filter (where n.is_driver) as driver_minutes,
        sum(n.cpu_sum) filter (where n.is_driver) as driver_cpu_sum,
        sum(n.mem_sum) filter (where n.is_driver) as driver_mem_sum,
        sum(n.io_wait_sum) filter (where n.is_driver) as driver_io_wait_sum,
        max(n.swap_max) filter (where n.is_driver) as driver_swap_max,
        sum(n.node_minutes) filter (where not n.is_driver) as worker_minutes,
        sum(n.cpu_sum) filter (where not n.is_driver) as worker_cpu_sum,
        sum(n.mem_sum) filter (where not n.is_driver) as worker_mem_sum,
        sum(n.io_wait_sum) filter (where not n.is_driver) as worker_io_wait_sum,
        max(n.swap_max) filter (where not n.is_driver) as worker_swap_max,
        max(n.last_up_at) as last_up_at,
        max(n.last_idle_at) filter (where h.last_task_at is null or n.last_idle_at >= h.last_task_at) as last_idle_at,
        greatest(
            max(n.last_busy_at),
            -- the last minute in which a task ran, of those in which the cluster was seen to be up
            case
                when max(h.last_task_at) is not null
                    then
                        least(max(date_trunc('minute', h.last_task_at - interval '1 microsecond')), max(n.last_up_at))
            end
        ) as last_busy_at
    from costpulse.node_utilization as n
    left join costpulse.cluster_task_hours as h
        on
            n.usage_date = h.usage_date
            and n.usage_hour = h.usage_hour
            and n.workspace_id = h.workspace_id
            and n.cluster_id = h.cluster_id
    where n.usage_date = any(%(days)s::date[])
    group by n.usage_date, n.workspace_id, n.cluster_id
),

-- one row per day, cluster and bin
bins as (
    select
        n.usage_date,
        n.workspace_id,
        n.cluster_id,
        b.bin,
        sum(b.cpu) filter (where n.is_driver) as driver_cpu,
        sum(b.mem) filter (where n.is_driver) as driver_mem,
        sum(b.cpu) filter (where not n.is_driver) as worker_cpu,
        sum(b.mem) filter (where not n.is_driver) as worker_mem
    from costpulse.node_utilization as n
    cross join
        lateral unnest(
            string_to_array(n.cpu_minutes, ' ')::integer[], string_to_array(n.mem_minutes, ' ')::integer[]
        ) with ordinality as b (cpu, mem, bin)
    where n.usage_date = any(%(days)s::date[])
    group by n.usage_date, n.workspace_id, n.cluster_id, b.bin
),

histograms as (
    select
        b.usage_date,
        b.workspace_id,
        b.cluster_id,
        sum(b.driver_cpu) as driver_cpu_readings,
        array_agg(b.driver_cpu order by b.bin) filter (where b.driver_cpu is not null)::integer[] as driver_cpu_minutes,
        sum(b.driver_mem) as driver_mem_readings,
        array_agg(b.driver_mem order by b.bin) filter (where b.driver_mem is not null)::integer[] as driver_mem_minutes,
        sum(b.worker_cpu) as worker_cpu_readings,
        array_agg(b.worker_cpu order by b.bin) filter (where b.worker_cpu is not null)::integer[] as worker_cpu_minutes,
        sum(b.worker_mem) as worker_mem_readings,
        array_agg(b.worker_mem order by b.bin) filter (where b.worker_mem is not null)::integer[] as worker_mem_minutes
    from bins as b
    group by b.usage_date, b.workspace_id, b.cluster_id
),

tasks as (
    select
        t.usage_date,
        t.workspace_id,
        t.compute_id as cluster_id,
        sum(t.task_seconds) as task_seconds
    from costpulse.job_task_days as t
    where t.usage_date = any(%(days)s::date[]) and t.compute_type = 'cluster'
    group by t.usage_date, t.workspace_id, t.compute_id
),

telemetry as (
    select
        u.usage_date,
        u.workspace_id,
        u.cluster_id,
        round(u.up_minutes / 60.0, 4) as up_hours,
        round(u.idle_minutes / 60.0, 4) as idle_hours,
        round(t.task_seconds / 3600.0, 4) as task_hours,
        round(u.driver_minutes / 60.0, 4) as driver_node_hours,
        round(u.driver_cpu_sum / 100.0 / nullif(h.driver_cpu_readings, 0), 2) as driver_cpu_avg,
        costpulse.histogram_percentile(h.driver_cpu_minutes, 0.5) as driver_cpu_p50,
        costpulse.histogram_percentile(h.driver_cpu_minutes, 0.95) as driver_cpu_p95,
        round(u.driver_mem_sum / 100.0 / nullif(h.driver_mem_readings, 0), 2) as driver_mem_avg,
        costpulse.histogram_percentile(h.driver_mem_minutes, 0.5) as driver_mem_p50,
        costpulse.histogram_percentile(h.driver_mem_minutes, 0.95) as driver_mem_p95,
        round(u.driver_io_wait_sum / 100.0 / nullif(h.driver_cpu_readings, 0), 2) as driver_io_wait_avg,
        u.driver_swap_max / 100.0 as driver_swap_max,
        h.driver_cpu_minutes,
        h.driver_mem_minutes,
        round(u.worker_minutes / 60.0, 4) as worker_node_hours,
        round(u.worker_cpu_sum / 100.0 / nullif(h.worker_cpu_readings, 0), 2) as worker_cpu_avg,
        costpulse.histogram_percentile(h.worker_cpu_minutes, 0.5) as worker_cpu_p50,
        costpulse.histogram_percentile(h.worker_cpu_minutes, 0.95) as worker_cpu_p95,
        round(u.worker_mem_sum / 100.0 / nullif(h.worker_mem_readings, 0), 2) as worker_mem_avg,
        costpulse.histogram_percentile(h.worker_mem_minutes, 0.5) as worker_mem_p50,
        costpulse.histogram_percentile(h.worker_mem_minutes, 0.95) as worker_mem_p95,
        round(u.worker_io_wait_sum / 100.0 / nullif(h.worker_cpu_readings, 0), 2) as worker_io_wait_avg,
        u.worker_swap_max / 100.0 as worker_swap_max,
        h.worker_cpu_minutes,
        h.worker_mem_minutes,
        u.last_up_at,
        u.last_idle_at,
        u.last_busy_at
    from utilization as u
    inner join histograms as h
        on u.usage_date = h.usage_date and u.workspace_id = h.workspace_id and u.cluster_id = h.cluster_id
    left join tasks as t
        on u.usage_date = t.usage_date and u.workspace_id = t.workspace_id and u.cluster_id = t.cluster_id
),

costs as (
    select
        d.usage_date,
        k.workspace_id,
        k.cluster_id,
        sum(d.dbu_count) as dbu_count,
        sum(d.list_cost_usd) as list_cost_usd,
        sum(d.cost_usd) as cost_usd,
        bool_or(strpos(d.sku_name, '(PHOTON)') > 0) as is_photon
    from costpulse.daily_key_costs as d
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    where d.usage_date = any(%(days)s::date[]) and k.cluster_id is not null
    group by d.usage_date, k.workspace_id, k.cluster_id
)

insert into costpulse.cluster_daily (
    usage_date, workspace_id, cluster_id, up_hours, idle_hours, task_hours, driver_node_hours, driver_cpu_avg,
    driver_cpu_p50, driver_cpu_p95, driver_mem_avg, driver_mem_p50, driver_mem_p95, driver_io_wait_avg,
    driver_swap_max, driver_cpu_minutes, driver_mem_minutes, worker_node_hours, worker_cpu_avg, worker_cpu_p50,
    worker_cpu_p95, worker_mem_avg, worker_mem_p50, worker_mem_p95, worker_io_wait_avg, worker_swap_max,
    worker_cpu_minutes, worker_mem_minutes, last_up_at, last_idle_at, last_busy_at, dbu_count, list_cost_usd,
    cost_usd, is_photon
)
select
    coalesce(t.usage_date, c.usage_date) as usage_date,
    coalesce(t.workspace_id, c.workspace_id) as workspace_id,
    coalesce(t.cluster_id, c.cluster_id) as cluster_id,
    t.up_hours,
    t.idle_hours,
    t.task_hours,
    t.driver_node_hours,
    t.driver_cpu_avg,
    t.driver_cpu_p50,
    t.driver_cpu_p95,
    t.driver_mem_avg,
    t.driver_mem_p50,
    t.driver_mem_p95,
    t.driver_io_wait_avg,
    t.driver_swap_max,
    t.driver_cpu_minutes,
    t.driver_mem_minutes,
    t.worker_node_hours,
    t.worker_cpu_avg,
    t.worker_cpu_p50,
    t.worker_cpu_p95,
    t.worker_mem_avg,
    t.worker_mem_p50,
    t.worker_mem_p95,
    t.worker_io_wait_avg,
    t.worker_swap_max,
    t.worker_cpu_minutes,
    t.worker_mem_minutes,
    t.last_up_at,
    t.last_idle_at,
    t.last_busy_at,
    c.dbu_count,
    c.list_cost_usd,
    c.cost_usd,
    c.is_photon
from telemetry as t
full join costs as c
    on t.usage_date = c.usage_date and t.workspace_id = c.workspace_id and t.cluster_id = c.cluster_id
