-- the workspaces that exist now, as they stream in
create temporary table staged_workspaces (
    account_id text,
    workspace_id text not null primary key,
    workspace_name text,
    workspace_url text,
    create_time timestamptz,
    status text,
    host text generated always as (
        nullif(regexp_replace(regexp_replace(workspace_url, '^https?://', ''), '/.*$', ''), '')
    ) stored
) on commit drop
