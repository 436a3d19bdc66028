-- versions of pipelines as they stream in
create temporary table staged_pipelines (
    workspace_id text not null,
    pipeline_id text not null,
    name text,
    change_time timestamptz not null,
    is_latest boolean not null,
    pipeline_type text,
    owner text,
    creator text,
    is_serverless boolean,
    photon_enabled boolean,
    is_continuous boolean,
    is_development boolean,
    edition text,
    tags jsonb not null,
    create_time timestamptz,
    delete_time timestamptz
) on commit drop
