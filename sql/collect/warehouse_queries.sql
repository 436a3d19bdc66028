-- one row per usage_date x usage_hour x workspace x warehouse: milliseconds with at least one statement running,
-- however many ran at once, and statements that began. A statement keeps its warehouse busy from the moment it has
-- compute to the end of the fetch of its result; only ended ones are in the source. No text of a statement is read.
with statements as (
    select
        h.workspace_id,
        h.compute.warehouse_id as warehouse_id,
        h.statement_id,
        h.start_time,
        h.start_time + coalesce(h.waiting_for_compute_duration_ms, 0) * interval 1 millisecond as compute_time,
        greatest(
            h.start_time,
            coalesce(h.end_time, h.update_time) + coalesce(h.result_fetch_duration_ms, 0) * interval 1 millisecond
        ) as last_moment
    from system.query.history as h
    where
        h.compute.warehouse_id is not null
        and h.workspace_id is not null
        and h.start_time < cast(:to_date as timestamp) + interval 1 day
        -- lets the source skip older files; a day of room for the fetch of a result
        and coalesce(h.update_time, h.end_time, h.start_time) >= cast(:from_date as timestamp) - interval 1 day
),

-- what a statement adds to the busy time: its part after all statements that began before it have ended
parts as (
    select
        s.*,
        least(s.compute_time, s.last_moment) as first_moment,
        max(s.last_moment) over (
            partition by s.workspace_id, s.warehouse_id
            order by least(s.compute_time, s.last_moment), s.last_moment, s.statement_id
            rows between unbounded preceding and 1 preceding
        ) as busy_until
    from statements as s
),

hours as (
    select
        p.*,
        explode(
            sequence(
                date_trunc('HOUR', greatest(p.start_time, cast(:from_date as timestamp))),
                date_trunc('HOUR', least(p.last_moment, cast(:to_date as timestamp) + interval 1 day)),
                interval 1 hour
            )
        ) as hour_start
    from parts as p
    where p.last_moment >= cast(:from_date as timestamp)
),

cut as (
    select
        h.*,
        date_trunc('HOUR', h.start_time) = h.hour_start as begins_here,
        unix_micros(least(h.last_moment, h.hour_start + interval 1 hour)) div 1000
        - unix_micros(greatest(h.first_moment, h.busy_until, h.hour_start)) div 1000 as added_ms
    from hours as h
    where h.hour_start < cast(:to_date as timestamp) + interval 1 day
)

select
    cast(c.hour_start as date) as usage_date,
    cast(hour(c.hour_start) as smallint) as usage_hour,
    c.workspace_id,
    c.warehouse_id,
    cast(sum(case when c.added_ms > 0 then c.added_ms else 0 end) as bigint) as busy_ms,
    count(case when c.begins_here then 1 end) as executions,
    max(case when c.begins_here then c.start_time end) as last_started_at
from cut as c
where c.added_ms > 0 or c.begins_here
group by cast(c.hour_start as date), cast(hour(c.hour_start) as smallint), c.workspace_id, c.warehouse_id
