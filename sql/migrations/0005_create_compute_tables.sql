-- Compute resources and job runs.

create table costpulse.cluster_info (
    id bigint generated always as identity primary key,
    workspace_id text not null,
    cluster_id text not null,
    cluster_name text,
    state text,
    node_type text,
    num_workers integer,
    photon_enabled boolean,
    is_idle boolean,
    total_cost_usd numeric(38, 18) check (total_cost_usd <> 'NaN'),
    idle_time_hours numeric(12, 3) check (idle_time_hours <> 'NaN'),
    avg_cpu_util numeric(7, 4) check (avg_cpu_util <> 'NaN'),
    unique (workspace_id, cluster_id)
);
create index cluster_info_workspace on costpulse.cluster_info (workspace_id);
create index cluster_info_state on costpulse.cluster_info (state);

create table costpulse.job_runs (
    id bigint generated always as identity primary key,
    workspace_id text not null,
    job_id text,
    run_id text not null,
    job_name text,
    duration_seconds bigint,
    dbu_consumed numeric(38, 18) check (dbu_consumed <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    schedule text,
    unique (workspace_id, run_id)
);
