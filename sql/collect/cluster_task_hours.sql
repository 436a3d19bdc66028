-- one row per usage_date x usage_hour x workspace x cluster that a task of a job ran on in that hour: seconds in which
-- any did (tasks side by side count once) and the moment the last of them ran until. A task that names several
-- clusters counts on each of them.
-- A slice comes after it has ended. So a task whose newest slice says no result, and ended less than three hours ago,
-- is taken to run until :now; longer ago, the source has lost its end.
with slices as (
    select
        t.workspace_id,
        t.period_start_time,
        t.period_end_time,
        t.compute,
        t.compute_ids,
        t.result_state,
        -- compute is younger than compute_ids and empty on older rows
        case when size(t.compute) > 0 then size(t.compute) else size(t.compute_ids) end as computes,
        lead(t.period_start_time) over (
            partition by t.workspace_id, t.run_id order by t.period_start_time, t.period_end_time, t.result_state
        ) as next_start_time
    from system.lakeflow.job_task_run_timeline as t
    where
        t.period_start_time >= cast(:from_date as timestamp) - interval 1 day
        and t.period_start_time < cast(:to_date as timestamp) + interval 2 days
        and t.workspace_id is not null
        and t.job_run_id is not null
),

-- cut to the window
windowed as (
    select
        s.*,
        greatest(s.period_start_time, cast(:from_date as timestamp)) as first_moment,
        least(
            case
                when
                    s.result_state is null
                    and s.next_start_time is null
                    and s.period_end_time < :now
                    and :now < s.period_end_time + interval 3 hours
                    then :now
                else s.period_end_time
            end,
            cast(:to_date as timestamp) + interval 1 day
        ) as last_moment
    from slices as s
    where s.computes > 0 and s.period_end_time is not null
),

-- one row per slice and compute
placed as (
    select
        w.*,
        explode(sequence(1, w.computes)) as place
    from windowed as w
    where w.first_moment < w.last_moment
),

-- an id without a kind tells it by its form: only cluster ids have hyphens
used as (
    select
        p.workspace_id,
        p.first_moment,
        p.last_moment,
        case
            when size(p.compute) > 0 then try_element_at(p.compute, p.place).cluster_id
            when contains(try_element_at(p.compute_ids, p.place), '-') then try_element_at(p.compute_ids, p.place)
        end as cluster_id
    from placed as p
),

-- one row per slice, cluster and hour
hours as (
    select
        u.*,
        explode(
            sequence(date_trunc('HOUR', u.first_moment), date_trunc('HOUR', u.last_moment), interval 1 hour)
        ) as hour_start
    from used as u
    where u.cluster_id is not null
),

-- of what begins together the longest counts
parts as (
    select
        h.workspace_id,
        h.cluster_id,
        h.hour_start,
        greatest(h.first_moment, h.hour_start) as part_start,
        max(least(h.last_moment, h.hour_start + interval 1 hour)) as part_end
    from hours as h
    where h.hour_start < h.last_moment
    group by h.workspace_id, h.cluster_id, h.hour_start, greatest(h.first_moment, h.hour_start)
),

reached as (
    select
        p.*,
        max(p.part_end) over (
            partition by p.workspace_id, p.cluster_id, p.hour_start
            order by p.part_start rows between unbounded preceding and 1 preceding
        ) as reached
    from parts as p
),

-- what of a part nothing before it had reached
added as (
    select
        r.workspace_id,
        r.cluster_id,
        r.hour_start,
        r.part_end,
        case
            when r.reached is null or r.reached <= r.part_start then unix_micros(r.part_end) - unix_micros(r.part_start)
            when r.reached < r.part_end then unix_micros(r.part_end) - unix_micros(r.reached)
        end as part_micros
    from reached as r
)

select
    cast(a.hour_start as date) as usage_date,
    cast(hour(a.hour_start) as smallint) as usage_hour,
    a.workspace_id,
    a.cluster_id,
    cast(sum(a.part_micros) as bigint) div 1000000 as task_seconds,
    max(a.part_end) as last_task_at
from added as a
group by cast(a.hour_start as date), cast(hour(a.hour_start) as smallint), a.workspace_id, a.cluster_id
