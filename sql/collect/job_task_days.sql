-- one row per usage_date x workspace x job run x compute that its tasks ran on: seconds of task slices within the day.
-- Tasks side by side add up. A task that names several computes counts on each of them.
with slices as (
    select
        t.workspace_id,
        t.job_run_id,
        t.run_id,
        t.period_start_time,
        t.period_end_time,
        t.compute,
        t.compute_ids,
        -- compute is younger than compute_ids and empty on older rows
        case when size(t.compute) > 0 then size(t.compute) else size(t.compute_ids) end as computes,
        -- a slice is at most an hour long, so it crosses one midnight at most
        case
            when
                t.period_end_time > date_trunc('DAY', t.period_end_time)
                and cast(t.period_end_time as date) > cast(t.period_start_time as date)
                then 2
            else 1
        end as parts
    from system.lakeflow.job_task_run_timeline as t
    where
        t.period_start_time >= cast(:from_date as timestamp) - interval 1 day
        and t.period_start_time < cast(:to_date as timestamp) + interval 1 day
        and t.workspace_id is not null
        and t.job_run_id is not null
),

-- one row per slice and compute
placed as (
    select
        s.*,
        explode(sequence(1, s.computes)) as place
    from slices as s
    where s.computes > 0
),

-- an id without a kind tells it by its form: only cluster ids have hyphens
used as (
    select
        p.workspace_id,
        p.job_run_id,
        p.run_id,
        p.period_start_time,
        p.period_end_time,
        case
            when size(p.compute) > 0 and try_element_at(p.compute, p.place).cluster_id is not null then 'cluster'
            when size(p.compute) > 0 and try_element_at(p.compute, p.place).warehouse_id is not null then 'warehouse'
            when size(p.compute) > 0 then 'serverless'
            when contains(try_element_at(p.compute_ids, p.place), '-') then 'cluster'
            else 'warehouse'
        end as compute_type,
        case
            when size(p.compute) > 0
                then
                    coalesce(
                        try_element_at(p.compute, p.place).cluster_id,
                        try_element_at(p.compute, p.place).warehouse_id,
                        ''
                    )
            else coalesce(try_element_at(p.compute_ids, p.place), '')
        end as compute_id,
        explode(sequence(1, p.parts)) as part
    from placed as p
),

-- one row per slice, compute and day
dated as (
    select
        u.workspace_id,
        u.job_run_id,
        u.run_id,
        u.period_start_time,
        u.compute_type,
        u.compute_id,
        cast(case when u.part = 1 then u.period_start_time else u.period_end_time end as date) as usage_date,
        case when u.part = 1 then u.period_start_time else date_trunc('DAY', u.period_end_time) end as part_start,
        case
            when u.part = 1 and cast(u.period_end_time as date) > cast(u.period_start_time as date)
                then date_trunc('DAY', u.period_end_time)
            else u.period_end_time
        end as part_end
    from used as u
),

-- a compute that a slice names twice counts once
counted as (
    select
        d.usage_date,
        d.workspace_id,
        d.job_run_id,
        d.compute_type,
        d.compute_id,
        d.run_id,
        d.period_start_time,
        max(unix_micros(d.part_end) - unix_micros(d.part_start)) as part_micros
    from dated as d
    where d.usage_date between :from_date and :to_date
    group by
        d.usage_date, d.workspace_id, d.job_run_id, d.compute_type, d.compute_id, d.run_id, d.period_start_time
)

select
    c.usage_date,
    c.workspace_id,
    c.job_run_id,
    c.compute_type,
    c.compute_id,
    cast(sum(c.part_micros) as bigint) div 1000000 as task_seconds
from counted as c
group by c.usage_date, c.workspace_id, c.job_run_id, c.compute_type, c.compute_id
