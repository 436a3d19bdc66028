-- one row per usage_date x usage_hour x workspace x warehouse x user x client x kind of source x our own or not:
-- statements that began in the hour with what they read, and milliseconds of execution that fall into it. Statements on
-- serverless compute have no warehouse. No text, error or parameter of a statement is read.
with statements as (
    select
        h.workspace_id,
        h.compute.warehouse_id as warehouse_id,
        coalesce(h.executed_by, h.executed_as) as executed_by,
        h.client_application,
        case
            when h.query_source.job_info.job_id is not null then 'job'
            when h.query_source.pipeline_info.pipeline_id is not null then 'pipeline'
            when h.query_source.dashboard_id is not null then 'dashboard'
            when h.query_source.legacy_dashboard_id is not null then 'dashboard'
            when h.query_source.alert_id is not null then 'alert'
            when h.query_source.genie_space_id is not null then 'genie'
            when h.query_source.notebook_id is not null then 'notebook'
            when h.query_source.sql_query_id is not null then 'sql_query'
            else 'other'
        end as source_kind,
        coalesce(h.query_tags['app'] = 'costpulse', false) as is_costpulse,
        h.start_time,
        h.start_time + coalesce(h.waiting_for_compute_duration_ms, 0) * interval 1 millisecond as compute_time,
        greatest(
            h.start_time,
            coalesce(h.end_time, h.update_time) + coalesce(h.result_fetch_duration_ms, 0) * interval 1 millisecond
        ) as last_moment,
        h.total_task_duration_ms,
        h.read_bytes,
        h.execution_status = 'FAILED' as is_failed,
        h.from_result_cache
    from system.query.history as h
    where
        h.workspace_id is not null
        and h.start_time < cast(:to_date as timestamp) + interval 1 day
        -- lets the source skip older files; a day of room for the fetch of a result
        and coalesce(h.update_time, h.end_time, h.start_time) >= cast(:from_date as timestamp) - interval 1 day
),

hours as (
    select
        s.*,
        explode(
            sequence(
                date_trunc('HOUR', greatest(s.start_time, cast(:from_date as timestamp))),
                date_trunc('HOUR', least(s.last_moment, cast(:to_date as timestamp) + interval 1 day)),
                interval 1 hour
            )
        ) as hour_start
    from statements as s
    where s.last_moment >= cast(:from_date as timestamp)
),

cut as (
    select
        h.*,
        date_trunc('HOUR', h.start_time) = h.hour_start as begins_here,
        unix_micros(least(h.last_moment, h.hour_start + interval 1 hour)) div 1000
        - unix_micros(greatest(least(h.compute_time, h.last_moment), h.hour_start)) div 1000 as overlap_ms
    from hours as h
    where h.hour_start < cast(:to_date as timestamp) + interval 1 day
)

select
    cast(c.hour_start as date) as usage_date,
    cast(hour(c.hour_start) as smallint) as usage_hour,
    c.workspace_id,
    c.warehouse_id,
    c.executed_by,
    c.client_application,
    c.source_kind,
    c.is_costpulse,
    count(case when c.begins_here then 1 end) as executions,
    cast(sum(case when c.overlap_ms > 0 then c.overlap_ms else 0 end) as bigint) as execution_ms,
    cast(sum(case when c.begins_here then coalesce(c.total_task_duration_ms, 0) else 0 end) as bigint) as task_ms,
    cast(sum(case when c.begins_here then coalesce(c.read_bytes, 0) else 0 end) as bigint) as read_bytes,
    count(case when c.begins_here and c.is_failed then 1 end) as failed_count,
    count(case when c.begins_here and c.from_result_cache then 1 end) as cached_count
from cut as c
where c.overlap_ms > 0 or c.begins_here
group by
    cast(c.hour_start as date), cast(hour(c.hour_start) as smallint), c.workspace_id, c.warehouse_id, c.executed_by,
    c.client_application, c.source_kind, c.is_costpulse
