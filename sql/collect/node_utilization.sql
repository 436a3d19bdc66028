-- one row per usage_date x usage_hour x workspace x cluster x driver or worker x node type: node minutes, their
-- distribution over 20 bins of 5 % CPU and memory, and sums for averages (in hundredths of a percent, so that every
-- engine adds them up to the same number). One row of each cluster and hour carries what is true of the cluster as a
-- whole; on its other rows these columns are null.
-- Idle are the minutes of a stretch of more than :idle_minutes minutes in which no node reached :idle_cpu_percent.
-- A stretch may reach into the days around the window: one day more is read on both sides, which is enough because
-- :idle_minutes is at most a day.
with readings as (
    select
        n.workspace_id,
        n.cluster_id,
        n.instance_id,
        coalesce(n.driver, false) as is_driver,
        coalesce(n.node_type, 'unknown') as node_type,
        date_trunc('MINUTE', n.start_time) as minute_start,
        -- a reading that is no number must not stop the day: NaN is above everything
        case
            when n.cpu_user_percent + n.cpu_system_percent <= 200 then n.cpu_user_percent + n.cpu_system_percent
        end as cpu,
        case when n.cpu_wait_percent <= 200 then n.cpu_wait_percent end as io_wait,
        case when n.mem_used_percent <= 200 then n.mem_used_percent end as mem,
        case when n.mem_swap_percent <= 200 then n.mem_swap_percent end as swap
    from system.compute.node_timeline as n
    where
        n.start_time >= cast(:from_date as timestamp) - interval 1 day
        and n.start_time < cast(:to_date as timestamp) + interval 2 days
        and n.workspace_id is not null
        and n.cluster_id is not null
),

-- one row per cluster and minute; without a reading of its CPU a minute is not called quiet
minutes as (
    select
        r.workspace_id,
        r.cluster_id,
        r.minute_start,
        coalesce(max(r.cpu) < :idle_cpu_percent, false) as is_quiet
    from readings as r
    group by r.workspace_id, r.cluster_id, r.minute_start
),

-- a stretch begins with every busy minute and after every gap
neighbours as (
    select
        m.*,
        lag(m.minute_start) over (
            partition by m.workspace_id, m.cluster_id order by m.minute_start
        ) as previous_minute
    from minutes as m
),

stretches as (
    select
        b.*,
        count(case when not b.is_quiet or b.previous_minute < b.minute_start - interval 1 minute then 1 end) over (
            partition by b.workspace_id, b.cluster_id order by b.minute_start
        ) as stretch
    from neighbours as b
),

judged as (
    select
        s.*,
        s.is_quiet
        and count(case when s.is_quiet then 1 end) over (
            partition by s.workspace_id, s.cluster_id, s.stretch
        ) > :idle_minutes as is_idle
    from stretches as s
),

-- one row per cluster and hour
cluster_hours as (
    select
        j.workspace_id,
        j.cluster_id,
        date_trunc('HOUR', j.minute_start) as hour_start,
        count(*) as up_minutes,
        count(case when j.is_idle then 1 end) as idle_minutes,
        max(j.minute_start) as last_up_at,
        max(case when j.is_idle then j.minute_start end) as last_idle_at,
        max(case when not j.is_quiet then j.minute_start end) as last_busy_at
    from judged as j
    group by j.workspace_id, j.cluster_id, date_trunc('HOUR', j.minute_start)
),

node_hours as (
    select
        r.workspace_id,
        r.cluster_id,
        r.is_driver,
        r.node_type,
        date_trunc('HOUR', r.minute_start) as hour_start,
        count(*) as node_minutes,
        count(distinct r.instance_id) as node_count,
        concat_ws(
            ' ',
            cast(count(case when r.cpu < 5 then 1 end) as string),
            cast(count(case when r.cpu >= 5 and r.cpu < 10 then 1 end) as string),
            cast(count(case when r.cpu >= 10 and r.cpu < 15 then 1 end) as string),
            cast(count(case when r.cpu >= 15 and r.cpu < 20 then 1 end) as string),
            cast(count(case when r.cpu >= 20 and r.cpu < 25 then 1 end) as string),
            cast(count(case when r.cpu >= 25 and r.cpu < 30 then 1 end) as string),
            cast(count(case when r.cpu >= 30 and r.cpu < 35 then 1 end) as string),
            cast(count(case when r.cpu >= 35 and r.cpu < 40 then 1 end) as string),
            cast(count(case when r.cpu >= 40 and r.cpu < 45 then 1 end) as string),
            cast(count(case when r.cpu >= 45 and r.cpu < 50 then 1 end) as string),
            cast(count(case when r.cpu >= 50 and r.cpu < 55 then 1 end) as string),
            cast(count(case when r.cpu >= 55 and r.cpu < 60 then 1 end) as string),
            cast(count(case when r.cpu >= 60 and r.cpu < 65 then 1 end) as string),
            cast(count(case when r.cpu >= 65 and r.cpu < 70 then 1 end) as string),
            cast(count(case when r.cpu >= 70 and r.cpu < 75 then 1 end) as string),
            cast(count(case when r.cpu >= 75 and r.cpu < 80 then 1 end) as string),
            cast(count(case when r.cpu >= 80 and r.cpu < 85 then 1 end) as string),
            cast(count(case when r.cpu >= 85 and r.cpu < 90 then 1 end) as string),
            cast(count(case when r.cpu >= 90 and r.cpu < 95 then 1 end) as string),
            cast(count(case when r.cpu >= 95 then 1 end) as string)
        ) as cpu_minutes,
        concat_ws(
            ' ',
            cast(count(case when r.mem < 5 then 1 end) as string),
            cast(count(case when r.mem >= 5 and r.mem < 10 then 1 end) as string),
            cast(count(case when r.mem >= 10 and r.mem < 15 then 1 end) as string),
            cast(count(case when r.mem >= 15 and r.mem < 20 then 1 end) as string),
            cast(count(case when r.mem >= 20 and r.mem < 25 then 1 end) as string),
            cast(count(case when r.mem >= 25 and r.mem < 30 then 1 end) as string),
            cast(count(case when r.mem >= 30 and r.mem < 35 then 1 end) as string),
            cast(count(case when r.mem >= 35 and r.mem < 40 then 1 end) as string),
            cast(count(case when r.mem >= 40 and r.mem < 45 then 1 end) as string),
            cast(count(case when r.mem >= 45 and r.mem < 50 then 1 end) as string),
            cast(count(case when r.mem >= 50 and r.mem < 55 then 1 end) as string),
            cast(count(case when r.mem >= 55 and r.mem < 60 then 1 end) as string),
            cast(count(case when r.mem >= 60 and r.mem < 65 then 1 end) as string),
            cast(count(case when r.mem >= 65 and r.mem < 70 then 1 end) as string),
            cast(count(case when r.mem >= 70 and r.mem < 75 then 1 end) as string),
            cast(count(case when r.mem >= 75 and r.mem < 80 then 1 end) as string),
            cast(count(case when r.mem >= 80 and r.mem < 85 then 1 end) as string),
            cast(count(case when r.mem >= 85 and r.mem < 90 then 1 end) as string),
            cast(count(case when r.mem >= 90 and r.mem < 95 then 1 end) as string),
            cast(count(case when r.mem >= 95 then 1 end) as string)
        ) as mem_minutes,
        cast(sum(cast(floor(r.cpu * 100 + 0.5) as bigint)) as bigint) as cpu_sum,
        cast(sum(cast(floor(r.mem * 100 + 0.5) as bigint)) as bigint) as mem_sum,
        cast(sum(cast(floor(r.io_wait * 100 + 0.5) as bigint)) as bigint) as io_wait_sum,
        max(cast(floor(r.swap * 100 + 0.5) as bigint)) as swap_max
    from readings as r
    where
        r.minute_start >= cast(:from_date as timestamp)
        and r.minute_start < cast(:to_date as timestamp) + interval 1 day
    group by r.workspace_id, r.cluster_id, r.is_driver, r.node_type, date_trunc('HOUR', r.minute_start)
),

numbered as (
    select
        n.*,
        row_number() over (
            partition by n.workspace_id, n.cluster_id, n.hour_start order by n.is_driver desc, n.node_type asc
        ) as place
    from node_hours as n
)

select
    cast(n.hour_start as date) as usage_date,
    cast(hour(n.hour_start) as smallint) as usage_hour,
    n.workspace_id,
    n.cluster_id,
    n.is_driver,
    n.node_type,
    n.node_minutes,
    n.node_count,
    n.cpu_minutes,
    n.mem_minutes,
    n.cpu_sum,
    n.mem_sum,
    n.io_wait_sum,
    n.swap_max,
    h.up_minutes,
    h.idle_minutes,
    h.last_up_at,
    h.last_idle_at,
    h.last_busy_at
from numbered as n
left join cluster_hours as h
    on
        n.workspace_id = h.workspace_id
        and n.cluster_id = h.cluster_id
        and n.hour_start = h.hour_start
        and n.place = 1
