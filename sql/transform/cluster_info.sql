-- workspace x cluster: every cluster of the list or the bill, by the list, node_types and cluster_daily as of `now`;
-- sums are about the days from `since` on. Rows keep their id; a cluster that nothing knows any more loses its row.
--
-- Only what can have changed since the last build is looked at: no day of cluster_daily before `seen_since` was built
-- since, or left the days of the sums, and no row of the list was written since before `listed_since`. What was known
-- of earlier days still holds; where something from `seen_since` on is gone, earlier days are read again.
with seen as (
    select
        d.workspace_id,
        d.cluster_id,
        max(d.usage_date) as last_seen_date,
        max(d.last_up_at) as last_up_at,
        max(d.last_idle_at) as last_idle_at,
        max(d.last_busy_at) as last_busy_at,
        max(d.usage_date) filter (where d.is_photon is not null) as last_usage_date,
        max(d.usage_date) filter (where d.is_photon) as last_photon_date,
        sum(d.up_hours) filter (where d.usage_date >= %(since)s) as up_hours,
        sum(d.idle_hours) filter (where d.usage_date >= %(since)s) as idle_hours,
        sum(d.driver_node_hours) filter (where d.usage_date >= %(since)s) as driver_node_hours,
        sum(d.worker_node_hours) filter (where d.usage_date >= %(since)s) as worker_node_hours,
        sum(d.driver_cpu_avg * d.driver_node_hours) filter (where d.usage_date >= %(since)s) as driver_cpu_hours,
        sum(d.driver_mem_avg * d.driver_node_hours) filter (where d.usage_date >= %(since)s) as driver_mem_hours,
        sum(d.worker_cpu_avg * d.worker_node_hours) filter (where d.usage_date >= %(since)s) as worker_cpu_hours,
        sum(d.worker_mem_avg * d.worker_node_hours) filter (where d.usage_date >= %(since)s) as worker_mem_hours,
        sum(d.worker_io_wait_avg * d.worker_node_hours)
        filter (where d.usage_date >= %(since)s) as worker_io_wait_hours,
        max(d.worker_swap_max) filter (where d.usage_date >= %(since)s) as worker_swap_max,
        sum(d.dbu_count) filter (where d.usage_date >= %(since)s) as dbu_count,
        sum(d.list_cost_usd) filter (where d.usage_date >= %(since)s) as list_cost_usd,
        sum(d.cost_usd) filter (where d.usage_date >= %(since)s) as cost_usd
    from costpulse.cluster_daily as d
    where d.usage_date >= %(seen_since)s
    group by d.workspace_id, d.cluster_id
),

-- how far the telemetry of a workspace reaches in these days, and did when the table was last built
reaches as (
    select
        coalesce(s.workspace_id, b.workspace_id) as workspace_id,
        s.newest,
        b.newest > s.newest or s.newest is null as is_lower
    from (
        select
            w.workspace_id,
            max(w.last_up_at) as newest
        from seen as w
        where w.last_up_at is not null
        group by w.workspace_id
    ) as s
    full join (
        select
            i.workspace_id,
            max(i.last_up_at) as newest
        from costpulse.cluster_info as i
        where i.last_seen_date >= %(seen_since)s and i.last_up_at >= %(seen_since)s::timestamp at time zone 'UTC'
        group by i.workspace_id
    ) as b on s.workspace_id = b.workspace_id
),

-- rows of what was seen in these days when the table was last built
recent as materialized (
    select i.*
    from costpulse.cluster_info as i
    where i.last_seen_date >= %(seen_since)s or i.workspace_id is null
),

-- other rows that may have to change; one by one, so that the table is not read for a few
others as (
    select f.id
    from (
        select
            s.workspace_id,
            s.cluster_id
        from seen as s
        union
        select
            c.workspace_id,
            c.cluster_id
        from costpulse.clusters as c
        where c.updated_at >= %(listed_since)s
    ) as n
    cross join
        lateral (
            select i.id
            from costpulse.cluster_info as i
            where i.workspace_id = n.workspace_id and i.cluster_id = n.cluster_id
            limit 1
        ) as f
    where
        not exists (
            select 1 as found
            from recent as r
            where r.cluster_id = n.cluster_id and r.workspace_id = n.workspace_id
        )
    union
    -- the rest of the workspace tells now whether it has ended
    select i.id
    from costpulse.cluster_info as i
    inner join reaches as r on i.workspace_id = r.workspace_id
    where i.state = 'unknown' and (i.last_up_at is not null or i.changed_at is not null)
    union
    -- or does not tell it any more
    select i.id
    from costpulse.cluster_info as i
    inner join reaches as r on i.workspace_id = r.workspace_id
    where r.is_lower
    union
    select i.id
    from costpulse.cluster_info as i
    inner join costpulse.node_types as n on i.driver_node_type = n.node_type
    where (i.driver_cores, i.driver_memory_mb) is distinct from (n.core_count, n.memory_mb)
    union
    select i.id
    from costpulse.cluster_info as i
    inner join costpulse.node_types as n on i.worker_node_type = n.node_type
    where (i.worker_cores, i.worker_memory_mb) is distinct from (n.core_count, n.memory_mb)
),

stored as materialized (
    select r.*
    from recent as r
    union all
    select f.*
    from others as o
    cross join
        lateral (
            select i.*
            from costpulse.cluster_info as i
            where i.id = o.id
            limit 1
        ) as f
    where not exists (select 1 as found from recent as r where r.id = o.id)
),

touched as (
    select
        s.workspace_id,
        s.cluster_id
    from seen as s
    union
    select
        i.workspace_id,
        i.cluster_id
    from stored as i
    union
    select
        c.workspace_id,
        c.cluster_id
    from costpulse.clusters as c
    where c.updated_at >= %(listed_since)s
),

-- what was known of the days before, and whether something of the days from then on is not there any more
before as (
    select
        i.workspace_id,
        i.cluster_id,
        i.last_seen_date,
        i.last_up_at,
        i.last_idle_at,
        i.last_active_at as last_busy_at,
        i.last_usage_date,
        i.photon_enabled,
        (s.last_seen_date is null and i.last_seen_date >= %(seen_since)s)
        or (s.last_up_at is null and i.last_up_at >= %(seen_since)s::timestamp at time zone 'UTC')
        or (s.last_idle_at is null and i.last_idle_at >= %(seen_since)s::timestamp at time zone 'UTC')
        or (s.last_busy_at is null and i.last_active_at >= %(seen_since)s::timestamp at time zone 'UTC')
        or (s.last_usage_date is null and i.last_usage_date >= %(seen_since)s) as is_lost
    from stored as i
    left join seen as s
        on i.cluster_id = s.cluster_id and i.workspace_id is not distinct from s.workspace_id
),

earlier as (
    select
        b.workspace_id,
        b.cluster_id,
        b.last_seen_date,
        b.last_up_at,
        b.last_idle_at,
        b.last_busy_at,
        b.last_usage_date,
        b.photon_enabled
    from before as b
    where b.is_lost is not true
    union all
    select
        d.workspace_id,
        d.cluster_id,
        max(d.usage_date) as last_seen_date,
        max(d.last_up_at) as last_up_at,
        max(d.last_idle_at) as last_idle_at,
        max(d.last_busy_at) as last_busy_at,
        max(d.usage_date) filter (where d.is_photon is not null) as last_usage_date,
        max(d.usage_date) filter (where d.is_photon)
        = max(d.usage_date) filter (where d.is_photon is not null) as photon_enabled
    from costpulse.cluster_daily as d
    inner join before as b
        on d.cluster_id = b.cluster_id and d.workspace_id is not distinct from b.workspace_id
    where
        d.usage_date < %(seen_since)s
        and b.is_lost
        -- nothing is read where nothing is lost
        and exists (select 1 as found from before as l where l.is_lost)
    group by d.workspace_id, d.cluster_id
),

evidence as (
    select
        t.workspace_id,
        t.cluster_id,
        coalesce(s.last_seen_date, e.last_seen_date) as last_seen_date,
        coalesce(s.last_up_at, e.last_up_at) as last_up_at,
        coalesce(s.last_idle_at, e.last_idle_at) as last_idle_at,
        coalesce(s.last_busy_at, e.last_busy_at) as last_busy_at,
        coalesce(s.last_usage_date, e.last_usage_date) as last_usage_date,
        case
            when s.last_usage_date is not null then coalesce(s.last_photon_date = s.last_usage_date, false)
            when e.last_usage_date is not null then coalesce(e.photon_enabled, false)
        end as photon_enabled
    from touched as t
    left join seen as s on t.cluster_id = s.cluster_id and t.workspace_id is not distinct from s.workspace_id
    left join earlier as e on t.cluster_id = e.cluster_id and t.workspace_id is not distinct from e.workspace_id
),

-- how far the telemetry of a workspace reaches: a cluster that it passes in silence does not run any more
workspaces_seen as (
    select
        w.workspace_id,
        greatest(w.newest, o.last_up_at) as newest
    from (
        select
            e.workspace_id,
            max(e.last_up_at) as newest
        from evidence as e
        where e.workspace_id is not null
        group by e.workspace_id
    ) as w
    left join lateral (
        select i.last_up_at
        from costpulse.cluster_info as i
        where i.workspace_id = w.workspace_id and i.last_up_at < %(seen_since)s::timestamp at time zone 'UTC'
        order by i.last_up_at desc
        limit 1
    ) as o on true
),

known as (
    select
        e.*,
        c.cluster_id is not null as is_listed,
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
        c.is_pool_backed,
        c.create_time,
        c.change_time,
        c.delete_time,
        case
            when e.last_usage_date is not null
                then least((e.last_usage_date + 1)::timestamp at time zone 'UTC', %(now)s)
        end as billed_until
    from evidence as e
    left join costpulse.clusters as c on e.workspace_id = c.workspace_id and e.cluster_id = c.cluster_id
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
            -- a task that waits leaves the CPU alone: what it is in is not idle yet
            when
                k.last_idle_at = k.last_up_at
                and (
                    k.last_busy_at is null
                    or k.last_up_at - k.last_busy_at > make_interval(mins => %(idle_minutes)s::integer)
                )
                then 'idle'
            else 'running'
        end as state
    from known as k
    left join workspaces_seen as w on k.workspace_id = w.workspace_id
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
    where d.usage_date >= %(since)s and (d.driver_cpu_minutes is not null or d.worker_cpu_minutes is not null)
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

described as (
    select
        j.workspace_id,
        j.cluster_id,
        j.cluster_name,
        j.cluster_type,
        j.state,
        case
            when j.state = 'deleted' then j.delete_time
            when j.state = 'terminated' and j.last_up_at is not null then j.last_up_at + interval '1 minute'
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
        j.photon_enabled,
        j.dbr_version as spark_version,
        j.auto_termination_minutes,
        coalesce(j.never_terminates, false) as never_terminates,
        j.policy_id,
        j.data_security_mode,
        coalesce(j.is_pool_backed, false) as is_pool_backed,
        j.create_time as created_at,
        j.change_time as changed_at,
        j.delete_time as deleted_at,
        j.last_usage_date,
        j.last_seen_date,
        j.last_up_at,
        j.last_idle_at,
        coalesce(w.up_hours, 0) as up_hours,
        coalesce(w.idle_hours, 0) as idle_time_hours,
        round(
            (coalesce(w.driver_cpu_hours, 0) + coalesce(w.worker_cpu_hours, 0))
            / nullif(coalesce(w.driver_node_hours, 0) + coalesce(w.worker_node_hours, 0), 0), 2
        ) as avg_cpu_util,
        costpulse.histogram_percentile(h.cpu_minutes, 0.95) as p95_cpu_util,
        round(
            (coalesce(w.driver_mem_hours, 0) + coalesce(w.worker_mem_hours, 0))
            / nullif(coalesce(w.driver_node_hours, 0) + coalesce(w.worker_node_hours, 0), 0), 2
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
    left join seen as w on j.cluster_id = w.cluster_id and j.workspace_id is not distinct from w.workspace_id
    left join histograms as h on j.cluster_id = h.cluster_id and j.workspace_id is not distinct from h.workspace_id
    where j.is_listed or j.last_seen_date is not null
),

gone as (
    delete from costpulse.cluster_info as i using judged as j
    where
        i.cluster_id = j.cluster_id
        and i.workspace_id is not distinct from j.workspace_id
        and not j.is_listed
        and j.last_seen_date is null
)

insert into costpulse.cluster_info (
    workspace_id, cluster_id, cluster_name, cluster_type, state, state_as_of, state_evidence, last_active_at, is_idle,
    owner, tags, node_type, driver_node_type, driver_cores, driver_memory_mb, worker_node_type, worker_cores,
    worker_memory_mb, num_workers, min_workers, max_workers, photon_enabled, spark_version, auto_termination_minutes,
    never_terminates, policy_id, data_security_mode, is_pool_backed, created_at, changed_at, deleted_at,
    last_usage_date, last_seen_date, last_up_at, last_idle_at, up_hours, idle_time_hours, avg_cpu_util, p95_cpu_util,
    avg_mem_util, p95_mem_util, driver_avg_cpu_util, driver_p95_cpu_util, driver_avg_mem_util, driver_p95_mem_util,
    worker_avg_cpu_util, worker_p95_cpu_util, worker_avg_mem_util, worker_p95_mem_util, worker_io_wait_avg,
    worker_swap_max, driver_node_hours, worker_node_hours, dbu_count, list_cost_usd, total_cost_usd
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
    d.is_pool_backed,
    d.created_at,
    d.changed_at,
    d.deleted_at,
    d.last_usage_date,
    d.last_seen_date,
    d.last_up_at,
    d.last_idle_at,
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
left join stored as i
    on d.cluster_id = i.cluster_id and d.workspace_id is not distinct from i.workspace_id
where
    i.id is null
    or (
        d.cluster_name, d.cluster_type, d.state, d.state_as_of, d.state_evidence, d.last_active_at, d.is_idle, d.owner,
        d.tags, d.node_type, d.driver_node_type, d.driver_cores, d.driver_memory_mb, d.worker_node_type, d.worker_cores,
        d.worker_memory_mb, d.num_workers, d.min_workers, d.max_workers, d.photon_enabled, d.spark_version,
        d.auto_termination_minutes, d.never_terminates, d.policy_id, d.data_security_mode, d.is_pool_backed,
        d.created_at, d.changed_at, d.deleted_at, d.last_usage_date, d.last_seen_date, d.last_up_at, d.last_idle_at,
        d.up_hours, d.idle_time_hours, d.avg_cpu_util, d.p95_cpu_util, d.avg_mem_util, d.p95_mem_util,
        d.driver_avg_cpu_util, d.driver_p95_cpu_util, d.driver_avg_mem_util, d.driver_p95_mem_util,
        d.worker_avg_cpu_util, d.worker_p95_cpu_util, d.worker_avg_mem_util, d.worker_p95_mem_util,
        d.worker_io_wait_avg, d.worker_swap_max, d.driver_node_hours, d.worker_node_hours, d.dbu_count, d.list_cost_usd,
        d.total_cost_usd
    ) is distinct from (
        i.cluster_name, i.cluster_type, i.state, i.state_as_of, i.state_evidence, i.last_active_at, i.is_idle, i.owner,
        i.tags, i.node_type, i.driver_node_type, i.driver_cores, i.driver_memory_mb, i.worker_node_type, i.worker_cores,
        i.worker_memory_mb, i.num_workers, i.min_workers, i.max_workers, i.photon_enabled, i.spark_version,
        i.auto_termination_minutes, i.never_terminates, i.policy_id, i.data_security_mode, i.is_pool_backed,
        i.created_at, i.changed_at, i.deleted_at, i.last_usage_date, i.last_seen_date, i.last_up_at, i.last_idle_at,
        i.up_hours, i.idle_time_hours, i.avg_cpu_util, i.p95_cpu_util, i.avg_mem_util, i.p95_mem_util,
        i.driver_avg_cpu_util, i.driver_p95_cpu_util, i.driver_avg_mem_util, i.driver_p95_mem_util,
        i.worker_avg_cpu_util, i.worker_p95_cpu_util, i.worker_avg_mem_util, i.worker_p95_mem_util,
        i.worker_io_wait_avg, i.worker_swap_max, i.driver_node_hours, i.worker_node_hours, i.dbu_count, i.list_cost_usd,
        i.total_cost_usd
    )
on conflict (workspace_id, cluster_id) do update set
    cluster_name = excluded.cluster_name,
    cluster_type = excluded.cluster_type,
    state = excluded.state,
    state_as_of = excluded.state_as_of,
    state_evidence = excluded.state_evidence,
    last_active_at = excluded.last_active_at,
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
    photon_enabled = excluded.photon_enabled,
    spark_version = excluded.spark_version,
    auto_termination_minutes = excluded.auto_termination_minutes,
    never_terminates = excluded.never_terminates,
    policy_id = excluded.policy_id,
    data_security_mode = excluded.data_security_mode,
    is_pool_backed = excluded.is_pool_backed,
    created_at = excluded.created_at,
    changed_at = excluded.changed_at,
    deleted_at = excluded.deleted_at,
    last_usage_date = excluded.last_usage_date,
    last_seen_date = excluded.last_seen_date,
    last_up_at = excluded.last_up_at,
    last_idle_at = excluded.last_idle_at,
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
