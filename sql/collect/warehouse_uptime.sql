-- one row per usage_date x usage_hour x workspace x warehouse that ran in that hour: seconds running, seconds times
-- clusters, starts. A state lasts from its event to the next one; the event before the window is carried in (there is
-- no lower bound), and what is still running ends with the window, with the deletion of the warehouse, or at :now.
-- Moments are cut to whole seconds, so that the hours of a stretch add up to its length.
with events as (
    select
        e.workspace_id,
        e.warehouse_id,
        e.event_type,
        e.event_time,
        coalesce(e.cluster_count, 1) as cluster_count,
        e.event_type in ('RUNNING', 'SCALED_UP', 'SCALED_DOWN') and coalesce(e.cluster_count, 1) > 0 as is_running,
        case e.event_type
            when 'STARTING' then 1
            when 'RUNNING' then 2
            when 'STOPPING' then 4
            when 'STOPPED' then 5
            else 3
        end as step
    from system.compute.warehouse_events as e
    where
        e.event_type in ('STARTING', 'RUNNING', 'SCALED_UP', 'SCALED_DOWN', 'STOPPING', 'STOPPED')
        and e.event_time < least(cast(:to_date as timestamp) + interval 1 day, :now)
        and e.workspace_id is not null
        and e.warehouse_id is not null
),

states as (
    select
        e.*,
        lead(e.event_time) over (
            partition by e.workspace_id, e.warehouse_id order by e.event_time, e.step, e.event_type, e.cluster_count
        ) as next_time,
        lag(e.is_running) over (
            partition by e.workspace_id, e.warehouse_id order by e.event_time, e.step, e.event_type, e.cluster_count
        ) as was_running
    from events as e
),

deletions as (
    select
        w.workspace_id,
        w.warehouse_id,
        max(w.delete_time) as delete_time
    from system.compute.warehouses as w
    group by w.workspace_id, w.warehouse_id
),

-- one row per running state, cut to the window
stretches as (
    select
        s.workspace_id,
        s.warehouse_id,
        s.cluster_count,
        s.event_time,
        s.event_type = 'RUNNING' and not coalesce(s.was_running, false) as is_start,
        coalesce(s.next_time, d.delete_time) is null as is_open,
        greatest(s.event_time, cast(:from_date as timestamp)) as first_moment,
        least(s.next_time, d.delete_time, cast(:to_date as timestamp) + interval 1 day, :now) as last_moment
    from states as s
    left join deletions as d on s.workspace_id = d.workspace_id and s.warehouse_id = d.warehouse_id
    where s.is_running
),

hours as (
    select
        s.*,
        explode(
            sequence(date_trunc('HOUR', s.first_moment), date_trunc('HOUR', s.last_moment), interval 1 hour)
        ) as hour_start
    from stretches as s
    where s.first_moment <= s.last_moment
),

cut as (
    select
        h.*,
        date_trunc('HOUR', h.event_time) = h.hour_start and h.is_start as starts_here,
        unix_micros(least(h.last_moment, h.hour_start + interval 1 hour)) div 1000000
        - unix_micros(greatest(h.first_moment, h.hour_start)) div 1000000 as running_seconds
    from hours as h
    where h.hour_start < cast(:to_date as timestamp) + interval 1 day
)

select
    cast(c.hour_start as date) as usage_date,
    cast(hour(c.hour_start) as smallint) as usage_hour,
    c.workspace_id,
    c.warehouse_id,
    cast(sum(c.running_seconds) as bigint) as running_seconds,
    cast(sum(c.running_seconds * c.cluster_count) as bigint) as cluster_seconds,
    count(case when c.starts_here then 1 end) as start_count,
    max(c.cluster_count) as max_cluster_count,
    max(case when c.is_open and c.last_moment = :now then :now end) as still_running_at
from cut as c
where c.running_seconds > 0 or c.starts_here
group by cast(c.hour_start as date), cast(hour(c.hour_start) as smallint), c.workspace_id, c.warehouse_id
