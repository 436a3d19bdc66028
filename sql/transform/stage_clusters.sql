-- versions of clusters as they stream in
create temporary table staged_clusters (
    workspace_id text not null,
    cluster_id text not null,
    name text,
    change_time timestamptz not null,
    is_latest boolean not null,
    cluster_source text,
    owner text,
    driver_node_type text,
    worker_node_type text,
    worker_count integer,
    min_autoscale_workers integer,
    max_autoscale_workers integer,
    auto_termination_minutes integer,
    dbr_version text,
    tags jsonb not null,
    policy_id text,
    data_security_mode text,
    driver_instance_pool_id text,
    worker_instance_pool_id text,
    create_time timestamptz,
    delete_time timestamptz
) on commit drop
