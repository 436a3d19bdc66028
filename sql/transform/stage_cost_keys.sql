-- keys of the days being loaded, as they stream in
create temporary table staged_cost_keys (
    key_id uuid,
    account_id text,
    workspace_id text,
    product text,
    usage_type text,
    is_serverless boolean,
    cluster_id text,
    warehouse_id text,
    job_id text,
    job_name text,
    pipeline_id text,
    endpoint_name text,
    resource_type text,
    resource_id text,
    user_email text,
    user_source text,
    tags jsonb,
    first_usage_date date,
    last_usage_date date
) on commit drop
