-- warehouse versions as they stream in: the newest of each, and older ones with another name
create temporary table staged_warehouses (
    workspace_id text not null,
    warehouse_id text not null,
    name text,
    change_time timestamptz,
    is_latest boolean not null,
    warehouse_type text,
    warehouse_size text,
    warehouse_channel text,
    min_clusters integer,
    max_clusters integer,
    auto_stop_minutes integer,
    owner text,
    tags jsonb not null,
    delete_time timestamptz
) on commit drop
