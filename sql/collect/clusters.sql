-- one row per cluster that changed since a moment, its newest version (is_latest), and one per older version of it
-- with another name than the version before
with versions as (
    select
        c.*,
        lag(c.cluster_name) over (
            partition by c.workspace_id, c.cluster_id order by c.change_time, c.cluster_name
        ) as previous_name,
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
    v.create_time,
    v.delete_time
from versions as v
where v.age = 1 or v.cluster_name is distinct from v.previous_name
