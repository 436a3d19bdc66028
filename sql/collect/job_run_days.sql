-- one row per usage_date x workspace x job run: the slices of the run that began that day, its durations so far, and
-- the end rows among them. A run has one end row per attempt: a repair runs again under the same run_id.
with slices as (
    select
        r.*,
        cast(r.period_start_time as date) as usage_date,
        unix_micros(r.period_end_time) - unix_micros(r.period_start_time) as slice_micros
    from system.lakeflow.job_run_timeline as r
    where
        r.period_start_time >= cast(:from_date as timestamp)
        and r.period_start_time < cast(:to_date as timestamp) + interval 1 day
        and r.workspace_id is not null
        and r.run_id is not null
),

ends as (
    select
        s.*,
        max(case when s.result_state is not null then s.period_end_time end) over (
            partition by s.usage_date, s.workspace_id, s.run_id
        ) as last_end_at
    from slices as s
),

earlier_ends as (
    select
        e.*,
        max(
            case when e.result_state is not null and e.period_end_time < e.last_end_at then e.period_end_time end
        ) over (partition by e.usage_date, e.workspace_id, e.run_id) as previous_end_at,
        -- the last end row; two that end together are told apart by everything that is read of them
        row_number() over (
            partition by e.usage_date, e.workspace_id, e.run_id, e.result_state is null
            order by
                e.period_end_time desc, e.period_start_time desc, e.result_state desc, e.termination_code desc
        ) as place
    from ends as e
)

select
    p.usage_date,
    p.workspace_id,
    p.run_id,
    max(p.job_id) as job_id,
    max(p.run_type) as run_type,
    max(p.run_name) as run_name,
    max(p.trigger_type) as trigger_type,
    min(p.period_start_time) as first_start_at,
    max(p.period_end_time) as last_slice_end_at,
    cast(sum(p.slice_micros) as bigint) div 1000000 as slice_seconds,
    count(p.result_state) as end_rows,
    max(p.last_end_at) as last_end_at,
    max(p.previous_end_at) as previous_end_at,
    cast(
        coalesce(sum(case when p.period_end_time <= p.last_end_at then p.slice_micros end), 0) as bigint
    ) div 1000000 as seconds_to_last_end,
    cast(
        coalesce(sum(case when p.period_end_time <= p.previous_end_at then p.slice_micros end), 0) as bigint
    ) div 1000000 as seconds_to_previous_end,
    max(case when p.result_state is not null and p.place = 1 then p.result_state end) as result_state,
    max(case when p.result_state is not null and p.place = 1 then p.termination_code end) as termination_code,
    max(cast(p.run_duration_seconds as bigint)) as run_duration_seconds,
    max(cast(p.queue_duration_seconds as bigint)) as queue_duration_seconds,
    max(cast(p.setup_duration_seconds as bigint)) as setup_duration_seconds,
    max(cast(p.execution_duration_seconds as bigint)) as execution_duration_seconds,
    max(cast(p.cleanup_duration_seconds as bigint)) as cleanup_duration_seconds
from earlier_ends as p
group by p.usage_date, p.workspace_id, p.run_id
