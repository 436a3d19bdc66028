-- one row per cluster that changed since a moment, its newest version (is_latest), and one per older version of it
-- with another name, size or automatic termination than the version before
with versions as (
    select
        c.*,
        lag(c.cluster_name) over (
            partition by c.workspace_id, c.cluster_id order by c.change_time, c.cluster_name
        ) as previous_name,
        lag(c.worker_count) over (
            partition by c.workspace_id, c.cluster_id order by c.change_time, c.cluster_name
        ) as previous_worker_count,
        lag(c.min_autoscale_workers) over (
            partition by c.workspace_id, c.cluster_id order by c.change_time, c.cluster_name
        ) as previous_min_autoscale_workers,
        lag(c.max_autoscale_workers) over (
            partition by c.workspace_id, c.cluster_id order by c.change_time, c.cluster_name
        ) as previous_max_autoscale_workers,
        lag(c.auto_termination_minutes) over (
            partition by c.workspace_id, c.cluster_id order by c.change_time, c.cluster_name
        ) as previous_auto_termination_minutes,
        lag(c.driver_node_type) over (
            partition by c.workspace_id, c.cluster_id order by c.change_time, c.cluster_name
        ) as previous_driver_node_type,
        lag(c.worker_node_type) over (
            partition by c.workspace_id, c.cluster_id order by c.change_time, c.cluster_name
        ) as previous_worker_node_type,
        row_number() over (
            partition by c.workspace_id, c.cluster_id order by c.change_time desc, c.cluster_name desc
        ) as age
    from system.compute.clusters as c
    where c.change_time >= :changed_since
)

select
    v.workspace_id,
    v.cluster_id,
    v.cluster_name as name,
    v.change_time,
    v.age = 1 as is_latest,
    v.cluster_source,
    v.owned_by as owner,
    v.driver_node_type,
    v.worker_node_type,
    v.worker_count,
    v.min_autoscale_workers,
    v.max_autoscale_workers,
    v.auto_termination_minutes,
    v.dbr_version,
    coalesce(to_json(map_from_entries(array_sort(map_entries(v.tags)))), '{}') as tags,
    v.policy_id,
    v.data_security_mode,
    v.driver_instance_pool_id,
    v.worker_instance_pool_id,
    v.create_time,
    v.delete_time
from versions as v
where
    v.age = 1
    or v.cluster_name is distinct from v.previous_name
    or v.worker_count is distinct from v.previous_worker_count
    or v.min_autoscale_workers is distinct from v.previous_min_autoscale_workers
    or v.max_autoscale_workers is distinct from v.previous_max_autoscale_workers
    or v.auto_termination_minutes is distinct from v.previous_auto_termination_minutes
    or v.driver_node_type is distinct from v.previous_driver_node_type
    or v.worker_node_type is distinct from v.previous_worker_node_type
