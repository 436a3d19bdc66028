-- one row per cluster by workspace and id, after the one that was shown last; NULL asks for everything
select
    c.workspace_id,
    c.cluster_id,
    c.cluster_name,
    c.cluster_type,
    c.state,
    c.state_as_of,
    c.last_active_at,
    c.is_idle,
    c.owner,
    c.tags,
    c.driver_node_type,
    c.worker_node_type,
    c.num_workers,
    c.min_workers,
    c.max_workers,
    c.photon_enabled,
    c.spark_version,
    c.auto_termination_minutes,
    c.never_terminates,
    c.last_usage_date,
    c.up_hours,
    c.idle_time_hours,
    c.avg_cpu_util,
    c.p95_cpu_util,
    c.avg_mem_util,
    c.p95_mem_util,
    c.dbu_count,
    c.list_cost_usd,
    c.total_cost_usd
from costpulse.cluster_info as c
where
    (coalesce(c.workspace_id, ''), c.cluster_id)
    > (%(after_workspace)s::text, %(after_cluster)s::text)
    and (%(workspaces)s::text[] is null or coalesce(c.workspace_id, '~') = any(%(workspaces)s::text[]))
    and (%(states)s::text[] is null or c.state = any(%(states)s::text[]))
    and (%(is_idle)s::boolean is null or c.is_idle = %(is_idle)s::boolean)
order by coalesce(c.workspace_id, ''), c.cluster_id
limit %(rows)s::bigint
