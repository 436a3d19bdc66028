-- entities that endpoints serve by their newest configuration, as they stream in
create temporary table staged_serving_endpoints (
    workspace_id text not null,
    endpoint_name text not null,
    name text not null,
    served_entity_id text not null,
    endpoint_id text,
    change_time timestamptz not null,
    is_latest boolean not null,
    creator text,
    entity_name text,
    delete_time timestamptz
) on commit drop
