-- workspace x cluster: every cluster of the list or the bill. Cost and utilization are those of the days from
-- `since` on; the state is what the newest evidence says at `now`, looked for from `seen_since` on; what is older is
-- what was known before. Rows keep their id; a cluster that neither the list nor the bill knows any more loses its row.
with seen as (
    select
        d.workspace_id,
        d.cluster_id,
        max(d.last_up_at) as last_up_at,
        max(d.last_idle_at) as last_idle_at,
        max(d.last_busy_at) as last_busy_at,
        max(d.usage_date) filter (where d.is_photon is not null) as last_usage_date
    from costpulse.cluster_daily as d
    where d.usage_date >= %(seen_since)s
    group by d.workspace_id, d.cluster_id
),

-- how far the telemetry of a workspace reaches: a cluster that it passes in silence does not run any more
workspaces_seen as (
    select
        s.workspace_id,
        max(s.last_up_at) as newest
    from seen as s
    group by s.workspace_id
),

known as (
    select
        coalesce(c.workspace_id, s.workspace_id) as workspace_id,
        coalesce(c.cluster_id, s.cluster_id) as cluster_id,
        s.last_up_at,
        s.last_idle_at,
        s.last_busy_at,
        s.last_usage_date,
        c.cluster_name,
        c.cluster_type,
        c.owner,
        c.tags,
        c.driver_node_type,
        c.worker_node_type,
        c.worker_count,
        c.min_autoscale_workers,
        c.max_autoscale_workers,
        c.dbr_version,
        c.auto_termination_minutes,
        c.never_terminates,
        c.policy_id,
        c.data_security_mode,
        c.create_time,
        c.change_time,
        c.delete_time,
        case
            when s.last_usage_date is not null
                then least((s.last_usage_date + 1)::timestamp at time zone 'UTC', %(now)s)
        end as billed_until
    from costpulse.clusters as c
    full join seen as s on c.workspace_id = s.workspace_id and c.cluster_id = s.cluster_id
),

-- Silence is told of what is in the list or was in the telemetry before: the bill's ids of model serving are in
-- neither. Minutes of different clusters do not arrive at the same moment: ten of them prove no silence.
judged as (
    select
        k.*,
        w.newest,
        case
            when k.delete_time is not null then 'deleted'
            when w.newest > k.last_up_at + interval '10 minutes' then 'terminated'
            when
                k.last_up_at is null
                and k.change_time is not null
                and w.newest > greatest(k.billed_until, k.change_time)
                then 'terminated'
            when k.last_up_at is null or k.last_up_at < %(now)s - interval '2 hours' then 'unknown'
            when k.last_idle_at = k.last_up_at then 'idle'
            else 'running'
        end as state
    from known as k
    left join workspaces_seen as w on k.workspace_id = w.workspace_id
),

recent as (
    select
        d.workspace_id,
        d.cluster_id,
        sum(d.up_hours) as up_hours,
        sum(d.idle_hours) as idle_hours,
        coalesce(sum(d.driver_node_hours), 0) as driver_node_hours,
        coalesce(sum(d.worker_node_hours), 0) as worker_node_hours,
        sum(d.driver_cpu_avg * d.driver_node_hours) as driver_cpu_hours,
        sum(d.driver_mem_avg * d.driver_node_hours) as driver_mem_hours,
        sum(d.worker_cpu_avg * d.worker_node_hours) as worker_cpu_hours,
        sum(d.worker_mem_avg * d.worker_node_hours) as worker_mem_hours,
        sum(d.worker_io_wait_avg * d.worker_node_hours) as worker_io_wait_hours,
        max(d.worker_swap_max) as worker_swap_max,
        sum(d.dbu_count) as dbu_count,
        sum(d.list_cost_usd) as list_cost_usd,
        sum(d.cost_usd) as cost_usd
    from costpulse.cluster_daily as d
    where d.usage_date >= %(since)s
    group by d.workspace_id, d.cluster_id
),

bins as (
    select
        d.workspace_id,
        d.cluster_id,
        b.bin,
        sum(coalesce(b.driver_cpu, 0) + coalesce(b.worker_cpu, 0)) as cpu,
        sum(b.driver_cpu) as driver_cpu,
        sum(b.worker_cpu) as worker_cpu,
        sum(coalesce(b.driver_mem, 0) + coalesce(b.worker_mem, 0)) as mem,
        sum(b.driver_mem) as driver_mem,
        sum(b.worker_mem) as worker_mem
    from costpulse.cluster_daily as d
    cross join
        lateral unnest(
            d.driver_cpu_minutes, d.worker_cpu_minutes, d.driver_mem_minutes, d.worker_mem_minutes
        ) with ordinality as b (driver_cpu, worker_cpu, driver_mem, worker_mem, bin)
    where d.usage_date >= %(since)s
    group by d.workspace_id, d.cluster_id, b.bin
),

histograms as (
    select
        b.workspace_id,
        b.cluster_id,
        array_agg(b.cpu order by b.bin)::integer[] as cpu_minutes,
        array_agg(coalesce(b.driver_cpu, 0) order by b.bin)::integer[] as driver_cpu_minutes,
        array_agg(coalesce(b.worker_cpu, 0) order by b.bin)::integer[] as worker_cpu_minutes,
        array_agg(b.mem order by b.bin)::integer[] as mem_minutes,
        array_agg(coalesce(b.driver_mem, 0) order by b.bin)::integer[] as driver_mem_minutes,
        array_agg(coalesce(b.worker_mem, 0) order by b.bin)::integer[] as worker_mem_minutes
    from bins as b
    group by b.workspace_id, b.cluster_id
),

photon as (
    select distinct on (d.workspace_id, d.cluster_id)
        d.workspace_id,
        d.cluster_id,
        d.is_photon
    from costpulse.cluster_daily as d
    where d.is_photon is not null and d.usage_date >= %(seen_since)s
    order by d.workspace_id asc, d.cluster_id asc, d.usage_date desc
),

described as (
    select
        j.workspace_id,
        j.cluster_id,
        j.cluster_name,
        j.cluster_type,
        j.state,
        case
            when j.state = 'deleted' then j.delete_time
            when j.state = 'terminated' then j.newest
            else coalesce(j.last_up_at, greatest(j.billed_until, j.change_time))
        end as state_as_of,
        case
            when j.state = 'deleted' then 'clusters'
            when j.state = 'terminated' or j.last_up_at is not null then 'node_timeline'
            when j.billed_until > coalesce(j.change_time, '-infinity') then 'billing'
            else 'clusters'
        end as state_evidence,
        j.last_busy_at as last_active_at,
        case when j.state <> 'unknown' then j.state = 'idle' end as is_idle,
        j.owner,
        coalesce(j.tags, '{}') as tags,
        coalesce(j.worker_node_type, j.driver_node_type) as node_type,
        j.driver_node_type,
        dn.core_count as driver_cores,
        dn.memory_mb as driver_memory_mb,
        j.worker_node_type,
        wn.core_count as worker_cores,
        wn.memory_mb as worker_memory_mb,
        j.worker_count as num_workers,
        j.min_autoscale_workers as min_workers,
        j.max_autoscale_workers as max_workers,
        p.is_photon as photon_enabled,
        j.dbr_version as spark_version,
        j.auto_termination_minutes,
        coalesce(j.never_terminates, false) as never_terminates,
        j.policy_id,
        j.data_security_mode,
        j.create_time as created_at,
        j.change_time as changed_at,
        j.delete_time as deleted_at,
        j.last_usage_date,
        coalesce(w.up_hours, 0) as up_hours,
        coalesce(w.idle_hours, 0) as idle_time_hours,
        round(
            (coalesce(w.driver_cpu_hours, 0) + coalesce(w.worker_cpu_hours, 0))
            / nullif(w.driver_node_hours + w.worker_node_hours, 0), 2
        ) as avg_cpu_util,
        costpulse.histogram_percentile(h.cpu_minutes, 0.95) as p95_cpu_util,
        round(
            (coalesce(w.driver_mem_hours, 0) + coalesce(w.worker_mem_hours, 0))
            / nullif(w.driver_node_hours + w.worker_node_hours, 0), 2
        ) as avg_mem_util,
        costpulse.histogram_percentile(h.mem_minutes, 0.95) as p95_mem_util,
        round(w.driver_cpu_hours / nullif(w.driver_node_hours, 0), 2) as driver_avg_cpu_util,
        costpulse.histogram_percentile(h.driver_cpu_minutes, 0.95) as driver_p95_cpu_util,
        round(w.driver_mem_hours / nullif(w.driver_node_hours, 0), 2) as driver_avg_mem_util,
        costpulse.histogram_percentile(h.driver_mem_minutes, 0.95) as driver_p95_mem_util,
        round(w.worker_cpu_hours / nullif(w.worker_node_hours, 0), 2) as worker_avg_cpu_util,
        costpulse.histogram_percentile(h.worker_cpu_minutes, 0.95) as worker_p95_cpu_util,
        round(w.worker_mem_hours / nullif(w.worker_node_hours, 0), 2) as worker_avg_mem_util,
        costpulse.histogram_percentile(h.worker_mem_minutes, 0.95) as worker_p95_mem_util,
        round(w.worker_io_wait_hours / nullif(w.worker_node_hours, 0), 2) as worker_io_wait_avg,
        w.worker_swap_max,
        coalesce(w.driver_node_hours, 0) as driver_node_hours,
        coalesce(w.worker_node_hours, 0) as worker_node_hours,
        w.dbu_count,
        w.list_cost_usd,
        w.cost_usd as total_cost_usd
    from judged as j
    left join costpulse.node_types as dn on j.driver_node_type = dn.node_type
    left join costpulse.node_types as wn on j.worker_node_type = wn.node_type
    left join photon as p on j.cluster_id = p.cluster_id and j.workspace_id is not distinct from p.workspace_id
    left join recent as w on j.cluster_id = w.cluster_id and j.workspace_id is not distinct from w.workspace_id
    left join histograms as h on j.cluster_id = h.cluster_id and j.workspace_id is not distinct from h.workspace_id
),

gone as (
    delete from costpulse.cluster_info as i
    where
        not exists (
            select 1 as found
            from described as d
            where d.cluster_id = i.cluster_id and d.workspace_id is not distinct from i.workspace_id
        )
        and (i.last_usage_date is null or i.last_usage_date >= %(seen_since)s)
)

insert into costpulse.cluster_info as before (
    workspace_id, cluster_id, cluster_name, cluster_type, state, state_as_of, state_evidence, last_active_at, is_idle,
    owner, tags, node_type, driver_node_type, driver_cores, driver_memory_mb, worker_node_type, worker_cores,
    worker_memory_mb, num_workers, min_workers, max_workers, photon_enabled, spark_version, auto_termination_minutes,
    never_terminates, policy_id, data_security_mode, created_at, changed_at, deleted_at, last_usage_date, up_hours,
    idle_time_hours, avg_cpu_util, p95_cpu_util, avg_mem_util, p95_mem_util, driver_avg_cpu_util, driver_p95_cpu_util,
    driver_avg_mem_util, driver_p95_mem_util, worker_avg_cpu_util, worker_p95_cpu_util, worker_avg_mem_util,
    worker_p95_mem_util, worker_io_wait_avg, worker_swap_max, driver_node_hours, worker_node_hours, dbu_count,
    list_cost_usd, total_cost_usd
)
select
    d.workspace_id,
    d.cluster_id,
    d.cluster_name,
    d.cluster_type,
    d.state,
    d.state_as_of,
    d.state_evidence,
    d.last_active_at,
    d.is_idle,
    d.owner,
    d.tags,
    d.node_type,
    d.driver_node_type,
    d.driver_cores,
    d.driver_memory_mb,
    d.worker_node_type,
    d.worker_cores,
    d.worker_memory_mb,
    d.num_workers,
    d.min_workers,
    d.max_workers,
    d.photon_enabled,
    d.spark_version,
    d.auto_termination_minutes,
    d.never_terminates,
    d.policy_id,
    d.data_security_mode,
    d.created_at,
    d.changed_at,
    d.deleted_at,
    d.last_usage_date,
    d.up_hours,
    d.idle_time_hours,
    d.avg_cpu_util,
    d.p95_cpu_util,
    d.avg_mem_util,
    d.p95_mem_util,
    d.driver_avg_cpu_util,
    d.driver_p95_cpu_util,
    d.driver_avg_mem_util,
    d.driver_p95_mem_util,
    d.worker_avg_cpu_util,
    d.worker_p95_cpu_util,
    d.worker_avg_mem_util,
    d.worker_p95_mem_util,
    d.worker_io_wait_avg,
    d.worker_swap_max,
    d.driver_node_hours,
    d.worker_node_hours,
    d.dbu_count,
    d.list_cost_usd,
    d.total_cost_usd
from described as d
on conflict (workspace_id, cluster_id) do update set
    cluster_name = excluded.cluster_name,
    cluster_type = excluded.cluster_type,
    state = excluded.state,
    state_as_of = excluded.state_as_of,
    state_evidence = excluded.state_evidence,
    last_active_at = coalesce(excluded.last_active_at, before.last_active_at),
    is_idle = excluded.is_idle,
    owner = excluded.owner,
    tags = excluded.tags,
    node_type = excluded.node_type,
    driver_node_type = excluded.driver_node_type,
    driver_cores = excluded.driver_cores,
    driver_memory_mb = excluded.driver_memory_mb,
    worker_node_type = excluded.worker_node_type,
    worker_cores = excluded.worker_cores,
    worker_memory_mb = excluded.worker_memory_mb,
    num_workers = excluded.num_workers,
    min_workers = excluded.min_workers,
    max_workers = excluded.max_workers,
    photon_enabled = coalesce(excluded.photon_enabled, before.photon_enabled),
    spark_version = excluded.spark_version,
    auto_termination_minutes = excluded.auto_termination_minutes,
    never_terminates = excluded.never_terminates,
    policy_id = excluded.policy_id,
    data_security_mode = excluded.data_security_mode,
    created_at = excluded.created_at,
    changed_at = excluded.changed_at,
    deleted_at = excluded.deleted_at,
    last_usage_date = coalesce(excluded.last_usage_date, before.last_usage_date),
    up_hours = excluded.up_hours,
    idle_time_hours = excluded.idle_time_hours,
    avg_cpu_util = excluded.avg_cpu_util,
    p95_cpu_util = excluded.p95_cpu_util,
    avg_mem_util = excluded.avg_mem_util,
    p95_mem_util = excluded.p95_mem_util,
    driver_avg_cpu_util = excluded.driver_avg_cpu_util,
    driver_p95_cpu_util = excluded.driver_p95_cpu_util,
    driver_avg_mem_util = excluded.driver_avg_mem_util,
    driver_p95_mem_util = excluded.driver_p95_mem_util,
    worker_avg_cpu_util = excluded.worker_avg_cpu_util,
    worker_p95_cpu_util = excluded.worker_p95_cpu_util,
    worker_avg_mem_util = excluded.worker_avg_mem_util,
    worker_p95_mem_util = excluded.worker_p95_mem_util,
    worker_io_wait_avg = excluded.worker_io_wait_avg,
    worker_swap_max = excluded.worker_swap_max,
    driver_node_hours = excluded.driver_node_hours,
    worker_node_hours = excluded.worker_node_hours,
    dbu_count = excluded.dbu_count,
    list_cost_usd = excluded.list_cost_usd,
    total_cost_usd = excluded.total_cost_usd,
    updated_at = now()
