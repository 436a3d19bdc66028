-- one row per cluster, from its newest version; what is not among the staged ones keeps its row
insert into costpulse.clusters as known (
    workspace_id, cluster_id, cluster_name, cluster_type, cluster_source, owner, driver_node_type, worker_node_type,
    worker_count, min_autoscale_workers, max_autoscale_workers, auto_termination_minutes, dbr_version, tags, policy_id,
    data_security_mode, driver_instance_pool_id, worker_instance_pool_id, create_time, delete_time, change_time,
    connection
)
select
    s.workspace_id,
    s.cluster_id,
    s.name as cluster_name,
    case
        when s.cluster_source in ('UI', 'API') then 'all-purpose'
        when s.cluster_source like 'PIPELINE%%' then 'pipeline'
        else lower(s.cluster_source)
    end as cluster_type,
    s.cluster_source,
    s.owner,
    s.driver_node_type,
    s.worker_node_type,
    s.worker_count,
    s.min_autoscale_workers,
    s.max_autoscale_workers,
    s.auto_termination_minutes,
    s.dbr_version,
    s.tags,
    s.policy_id,
    s.data_security_mode,
    s.driver_instance_pool_id,
    s.worker_instance_pool_id,
    s.create_time,
    s.delete_time,
    s.change_time,
    %(connection)s as connection
from staged_clusters as s
where s.is_latest
on conflict (workspace_id, cluster_id) do update set
    cluster_name = excluded.cluster_name,
    cluster_type = excluded.cluster_type,
    cluster_source = excluded.cluster_source,
    owner = excluded.owner,
    driver_node_type = excluded.driver_node_type,
    worker_node_type = excluded.worker_node_type,
    worker_count = excluded.worker_count,
    min_autoscale_workers = excluded.min_autoscale_workers,
    max_autoscale_workers = excluded.max_autoscale_workers,
    auto_termination_minutes = excluded.auto_termination_minutes,
    dbr_version = excluded.dbr_version,
    tags = excluded.tags,
    policy_id = excluded.policy_id,
    data_security_mode = excluded.data_security_mode,
    driver_instance_pool_id = excluded.driver_instance_pool_id,
    worker_instance_pool_id = excluded.worker_instance_pool_id,
    create_time = excluded.create_time,
    delete_time = excluded.delete_time,
    change_time = excluded.change_time,
    connection = excluded.connection,
    updated_at = now()
