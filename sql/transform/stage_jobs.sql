-- versions of jobs as they stream in
create temporary table staged_jobs (
    workspace_id text not null,
    job_id text not null,
    name text,
    change_time timestamptz not null,
    is_latest boolean not null,
    owner text,
    creator text,
    trigger_type text,
    cron_expression text,
    time_zone text,
    period_length text,
    period_unit text,
    is_continuous boolean,
    paused boolean,
    tags jsonb not null,
    create_time timestamptz,
    delete_time timestamptz
) on commit drop
