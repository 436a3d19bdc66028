-- Jobs, pipelines and serving endpoints: what they are; runs of jobs: how they went, on what, and what they cost.

-- workspace_id x job_id: newest version; a job that is gone keeps its row
create table costpulse.jobs (
    workspace_id text not null,
    job_id text not null,
    name text,
    owner text,
    creator text,
    schedule text,
    trigger_type text,
    paused boolean,
    tags jsonb not null default '{}',
    create_time timestamptz,
    delete_time timestamptz,
    change_time timestamptz not null,
    connection text not null,
    updated_at timestamptz not null default now(),
    primary key (workspace_id, job_id)
);
create index jobs_change on costpulse.jobs (connection, change_time);

comment on table costpulse.jobs is
'One row per job ever seen, by its newest version.';
comment on column costpulse.jobs.workspace_id is 'Workspace; ids are unique only within it.';
comment on column costpulse.jobs.job_id is 'Databricks'' id of the job.';
comment on column costpulse.jobs.name is 'Present name; older ones are in resource_names.';
comment on column costpulse.jobs.owner is 'Who its runs run as: the name, else the numeric id.';
comment on column costpulse.jobs.creator is 'Who made it: the name, else the numeric id.';
comment on column costpulse.jobs.schedule is
'Cron expression with time zone, every N hours, continuous, file arrival or table update; NULL: none.';
comment on column costpulse.jobs.trigger_type is 'What starts its runs, as Databricks names it.';
comment on column costpulse.jobs.paused is 'Whether the trigger is paused; NULL: the source does not say.';
comment on column costpulse.jobs.tags is 'Tags, keys sorted.';
comment on column costpulse.jobs.create_time is 'When it was made.';
comment on column costpulse.jobs.delete_time is 'When it was deleted; NULL: it exists.';
comment on column costpulse.jobs.change_time is 'When the source last changed it.';
comment on column costpulse.jobs.connection is 'Connection it was last read over.';
comment on column costpulse.jobs.updated_at is 'When this row was last written.';

-- workspace_id x pipeline_id: newest version; a pipeline that is gone keeps its row
create table costpulse.pipelines (
    workspace_id text not null,
    pipeline_id text not null,
    name text,
    pipeline_type text,
    owner text,
    creator text,
    is_serverless boolean,
    photon_enabled boolean,
    is_continuous boolean,
    is_development boolean,
    edition text,
    tags jsonb not null default '{}',
    create_time timestamptz,
    delete_time timestamptz,
    change_time timestamptz not null,
    connection text not null,
    updated_at timestamptz not null default now(),
    primary key (workspace_id, pipeline_id)
);
create index pipelines_change on costpulse.pipelines (connection, change_time);

comment on table costpulse.pipelines is
'One row per declarative pipeline ever seen, by its newest version.';
comment on column costpulse.pipelines.workspace_id is 'Workspace; ids are unique only within it.';
comment on column costpulse.pipelines.pipeline_id is 'Databricks'' id of the pipeline.';
comment on column costpulse.pipelines.name is 'Present name; older ones are in resource_names.';
comment on column costpulse.pipelines.pipeline_type is 'Kind of pipeline, as Databricks names it.';
comment on column costpulse.pipelines.owner is 'Whose rights its updates use, else who made it.';
comment on column costpulse.pipelines.creator is 'Who made it.';
comment on column costpulse.pipelines.is_serverless is 'Runs on serverless compute.';
comment on column costpulse.pipelines.photon_enabled is 'Photon is on.';
comment on column costpulse.pipelines.is_continuous is 'Runs all the time instead of update by update.';
comment on column costpulse.pipelines.is_development is 'Development mode: its compute is kept after an update.';
comment on column costpulse.pipelines.edition is 'CORE, PRO or ADVANCED; NULL on serverless.';
comment on column costpulse.pipelines.tags is 'Tags, keys sorted.';
comment on column costpulse.pipelines.create_time is 'When it was made.';
comment on column costpulse.pipelines.delete_time is 'When it was deleted; NULL: it exists.';
comment on column costpulse.pipelines.change_time is 'When the source last changed it.';
comment on column costpulse.pipelines.connection is 'Connection it was last read over.';
comment on column costpulse.pipelines.updated_at is 'When this row was last written.';

-- workspace_id x endpoint_name: newest configuration; an endpoint that is gone keeps its row
create table costpulse.serving_endpoints (
    workspace_id text not null,
    endpoint_name text not null,
    endpoint_id text,
    creator text,
    served_entity_count integer not null check (served_entity_count > 0),
    entity_names text[] not null,
    delete_time timestamptz,
    change_time timestamptz not null,
    connection text not null,
    updated_at timestamptz not null default now(),
    primary key (workspace_id, endpoint_name)
);

comment on table costpulse.serving_endpoints is
'One row per model serving endpoint ever seen, by its newest configuration.';
comment on column costpulse.serving_endpoints.workspace_id is 'Workspace; names are unique only within it.';
comment on column costpulse.serving_endpoints.endpoint_name is
'Name of the endpoint: what the bill and resource_names know it by.';
comment on column costpulse.serving_endpoints.endpoint_id is 'Databricks'' id of the endpoint that has the name now.';
comment on column costpulse.serving_endpoints.creator is 'Who made the newest configuration.';
comment on column costpulse.serving_endpoints.served_entity_count is
'What it serves: models, versions of one, functions.';
comment on column costpulse.serving_endpoints.entity_names is 'Names of what it serves, sorted.';
comment on column costpulse.serving_endpoints.delete_time is 'When it was deleted; NULL: it exists.';
comment on column costpulse.serving_endpoints.change_time is 'When the source last changed it.';
comment on column costpulse.serving_endpoints.connection is 'Connection it was last read over.';
comment on column costpulse.serving_endpoints.updated_at is 'When this row was last written.';

-- usage_date x workspace_id x run_id: the slices of a run that began that day
create table costpulse.job_run_days (
    usage_date date not null,
    workspace_id text not null,
    run_id text not null,
    job_id text,
    run_type text,
    run_name text,
    trigger_type text,
    first_start_at timestamptz not null,
    last_slice_end_at timestamptz not null,
    slice_seconds bigint not null check (slice_seconds >= 0),
    end_rows integer not null check (end_rows >= 0),
    last_end_at timestamptz,
    previous_end_at timestamptz,
    seconds_to_last_end bigint not null,
    seconds_to_previous_end bigint not null,
    result_state text,
    termination_code text,
    run_duration_seconds bigint,
    queue_duration_seconds bigint,
    setup_duration_seconds bigint,
    execution_duration_seconds bigint,
    cleanup_duration_seconds bigint,
    connection text not null,
    primary key (usage_date, workspace_id, run_id)
);
create index job_run_days_run on costpulse.job_run_days (workspace_id, run_id);

comment on table costpulse.job_run_days is
'One row per UTC day, workspace and job run: the hour slices of the run that began that day.';
comment on column costpulse.job_run_days.usage_date is 'UTC day in which the slices began.';
comment on column costpulse.job_run_days.workspace_id is 'Workspace; ids are unique only within it.';
comment on column costpulse.job_run_days.run_id is 'Databricks'' id of the run; a repair keeps it.';
comment on column costpulse.job_run_days.job_id is 'Job it is a run of; NULL where the source names none.';
comment on column costpulse.job_run_days.run_type is 'JOB_RUN, SUBMIT_RUN or WORKFLOW_RUN.';
comment on column costpulse.job_run_days.run_name is 'Name given to a run that was submitted from outside.';
comment on column costpulse.job_run_days.trigger_type is 'What started it, as Databricks names it.';
comment on column costpulse.job_run_days.first_start_at is 'Start of the first slice of the day.';
comment on column costpulse.job_run_days.last_slice_end_at is
'End of the last slice of the day; it may lie in the next day.';
comment on column costpulse.job_run_days.slice_seconds is 'Length of the slices together.';
comment on column costpulse.job_run_days.end_rows is 'Slices with a result: attempts that ended.';
comment on column costpulse.job_run_days.last_end_at is 'End of the last slice with a result.';
comment on column costpulse.job_run_days.previous_end_at is 'End of the slice with a result before that one.';
comment on column costpulse.job_run_days.seconds_to_last_end is 'Length of the slices that ended by last_end_at.';
comment on column costpulse.job_run_days.seconds_to_previous_end is
'Length of the slices that ended by previous_end_at.';
comment on column costpulse.job_run_days.result_state is 'Result of the last attempt that ended this day.';
comment on column costpulse.job_run_days.termination_code is 'Why that attempt ended.';
comment on column costpulse.job_run_days.run_duration_seconds is
'Longest duration the source gives, of any slice of the day.';
comment on column costpulse.job_run_days.queue_duration_seconds is 'Longest time in the queue that it gives.';
comment on column costpulse.job_run_days.setup_duration_seconds is 'Longest time for setting up compute that it gives.';
comment on column costpulse.job_run_days.execution_duration_seconds is 'Longest execution time that it gives.';
comment on column costpulse.job_run_days.cleanup_duration_seconds is 'Longest time for cleaning up that it gives.';
comment on column costpulse.job_run_days.connection is 'Connection the row came over.';

-- usage_date x workspace_id x job_run_id x compute: time of a run's tasks
create table costpulse.job_task_days (
    usage_date date not null,
    workspace_id text not null,
    job_run_id text not null,
    compute_type text not null check (compute_type in ('cluster', 'warehouse', 'serverless')),
    compute_id text not null,
    task_seconds bigint not null check (task_seconds >= 0),
    connection text not null,
    primary key (usage_date, workspace_id, job_run_id, compute_type, compute_id)
);
create index job_task_days_run on costpulse.job_task_days (workspace_id, job_run_id);

comment on table costpulse.job_task_days is
'One row per UTC day, workspace, job run and compute that its tasks ran on: their time within the day.';
comment on column costpulse.job_task_days.usage_date is 'UTC day.';
comment on column costpulse.job_task_days.workspace_id is 'Workspace; ids are unique only within it.';
comment on column costpulse.job_task_days.job_run_id is 'Run that the tasks belong to.';
comment on column costpulse.job_task_days.compute_type is 'cluster, warehouse or serverless.';
comment on column costpulse.job_task_days.compute_id is 'Cluster or warehouse; empty for serverless, which has no id.';
comment on column costpulse.job_task_days.task_seconds is
'Time of tasks on it within the day; tasks side by side add up.';
comment on column costpulse.job_task_days.connection is 'Connection the row came over.';

-- usage_date x workspace_id x job x run x SKU x unit x serverless x list rate; money is made as in cost_records
create table costpulse.job_run_usage (
    usage_date date not null,
    workspace_id text not null,
    job_id text,
    run_id text not null,
    job_name text,
    sku_name text not null,
    usage_unit text not null,
    is_serverless boolean not null,
    dbu_rate numeric(38, 18) check (dbu_rate <> 'NaN' and dbu_rate between 0 and 1000000),
    usage_quantity numeric(38, 18) not null
        check (usage_quantity <> 'NaN' and usage_quantity between -1e14 and 1e14),
    list_cost_usd numeric(38, 18) generated always as (round(usage_quantity * dbu_rate, 18)) stored,
    effective_rate numeric(38, 18) check (effective_rate <> 'NaN' and effective_rate between 0 and 2000000),
    price_adjustment_id bigint,
    cost_usd numeric(38, 18) generated always as (round(usage_quantity * effective_rate, 18)) stored,
    record_count bigint not null check (record_count > 0)
);
create unique index job_run_usage_grain on costpulse.job_run_usage
    (usage_date, workspace_id, job_id, run_id, sku_name, usage_unit, is_serverless, dbu_rate) nulls not distinct;
create index job_run_usage_run on costpulse.job_run_usage (workspace_id, run_id);

comment on table costpulse.job_run_usage is
'One row per usage day, job run, SKU, unit and list rate: what the bill names the run for, corrections netted.';
comment on column costpulse.job_run_usage.usage_date is 'UTC day of the usage.';
comment on column costpulse.job_run_usage.workspace_id is 'Workspace.';
comment on column costpulse.job_run_usage.job_id is 'Job.';
comment on column costpulse.job_run_usage.run_id is 'Run of the job.';
comment on column costpulse.job_run_usage.job_name is 'Name of the job in the bill, where it has one.';
comment on column costpulse.job_run_usage.sku_name is 'SKU.';
comment on column costpulse.job_run_usage.usage_unit is 'Unit of usage_quantity; never add different units.';
comment on column costpulse.job_run_usage.is_serverless is 'Serverless compute; false: a job cluster.';
comment on column costpulse.job_run_usage.dbu_rate is 'List price per usage unit in force when the usage started.';
comment on column costpulse.job_run_usage.usage_quantity is 'Net quantity in usage_unit; never 0.';
comment on column costpulse.job_run_usage.list_cost_usd is 'Quantity times list price; NULL without a price.';
comment on column costpulse.job_run_usage.effective_rate is 'What the customer pays per unit: after adjustments.';
comment on column costpulse.job_run_usage.price_adjustment_id is 'The adjustment that made effective_rate.';
comment on column costpulse.job_run_usage.cost_usd is 'Quantity times effective rate; NULL without one.';
comment on column costpulse.job_run_usage.record_count is 'Rows of the source in this row.';

-- usage_date x workspace_id x run_id x basis x compute: what a run cost by the day. Billed cost has no compute;
-- apportioned cost is a share of what a cluster or warehouse cost, and never added to billed cost.
create table costpulse.job_run_costs (
    usage_date date not null,
    workspace_id text not null,
    run_id text not null,
    cost_basis text not null check (cost_basis in ('billed', 'apportioned')),
    compute_type text check (compute_type in ('cluster', 'warehouse')),
    compute_id text,
    task_seconds bigint check (task_seconds >= 0),
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    check ((cost_basis = 'billed') = (compute_id is null))
);
create unique index job_run_costs_grain on costpulse.job_run_costs
    (usage_date, workspace_id, run_id, cost_basis, compute_type, compute_id) nulls not distinct;
create index job_run_costs_run on costpulse.job_run_costs (workspace_id, run_id);

comment on table costpulse.job_run_costs is
'One row per UTC day, job run, cost basis and shared compute: how what a run cost is spread over its days.';
comment on column costpulse.job_run_costs.usage_date is 'UTC day.';
comment on column costpulse.job_run_costs.workspace_id is 'Workspace; ids are unique only within it.';
comment on column costpulse.job_run_costs.run_id is 'Run of a job.';
comment on column costpulse.job_run_costs.cost_basis is
'billed: the bill names the run; apportioned: share of shared compute. Never add the two.';
comment on column costpulse.job_run_costs.compute_type is 'cluster or warehouse that is shared; NULL: billed.';
comment on column costpulse.job_run_costs.compute_id is 'Its id; NULL: billed.';
comment on column costpulse.job_run_costs.task_seconds is
'Time of the run''s tasks on it that day; billed: on all computes, NULL where unknown.';
comment on column costpulse.job_run_costs.dbu_count is 'DBUs of the run.';
comment on column costpulse.job_run_costs.list_cost_usd is 'Cost at list price; NULL: nothing has a price.';
comment on column costpulse.job_run_costs.cost_usd is 'Cost at the customer''s price; NULL: nothing has a price.';

-- workspace_id x run_id
create table costpulse.job_runs (
    id bigint generated always as identity primary key,
    workspace_id text not null,
    job_id text,
    run_id text not null,
    job_name text,
    run_name text,
    run_type text,
    trigger_type text,
    schedule text,
    owner text,
    tags jsonb not null default '{}',
    first_usage_date date not null,
    last_usage_date date not null,
    started_at timestamptz,
    ended_at timestamptz,
    duration_seconds bigint check (duration_seconds >= 0),
    queue_seconds bigint,
    setup_seconds bigint,
    execution_seconds bigint,
    attempts integer not null check (attempts >= 0),
    result_state text,
    termination_code text,
    compute_type text check (compute_type in ('cluster', 'warehouse', 'serverless', 'mixed')),
    cluster_id text,
    warehouse_id text,
    cost_basis text check (cost_basis in ('billed', 'apportioned')),
    dbu_consumed numeric(38, 18) check (dbu_consumed <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    apportioned_cost_usd numeric(38, 18) check (apportioned_cost_usd <> 'NaN'),
    failed_cost_usd numeric(38, 18) check (failed_cost_usd <> 'NaN'),
    built_at timestamptz not null default now(),
    unique (workspace_id, run_id)
);
create index job_runs_days on costpulse.job_runs (last_usage_date, first_usage_date);
create index job_runs_job on costpulse.job_runs (workspace_id, job_id, started_at);

comment on table costpulse.job_runs is
'One row per run of a job: how it went, on what, and what it cost.';
comment on column costpulse.job_runs.id is 'Number of the row.';
comment on column costpulse.job_runs.workspace_id is 'Workspace; ids are unique only within it.';
comment on column costpulse.job_runs.job_id is 'Job it is a run of.';
comment on column costpulse.job_runs.run_id is 'Databricks'' id of the run; a repair keeps it.';
comment on column costpulse.job_runs.job_name is
'What the job was called when the run started; a run submitted from outside: its own name.';
comment on column costpulse.job_runs.run_name is 'Name given to a run that was submitted from outside.';
comment on column costpulse.job_runs.run_type is
'JOB_RUN, SUBMIT_RUN or WORKFLOW_RUN; NULL: only the bill knows the run.';
comment on column costpulse.job_runs.trigger_type is 'What started it, as Databricks names it.';
comment on column costpulse.job_runs.schedule is 'Schedule of the job as it is now.';
comment on column costpulse.job_runs.owner is 'Who the job runs as now.';
comment on column costpulse.job_runs.tags is 'Tags of the job as they are now.';
comment on column costpulse.job_runs.first_usage_date is 'First UTC day with a slice or cost.';
comment on column costpulse.job_runs.last_usage_date is 'Last UTC day with a slice or cost.';
comment on column costpulse.job_runs.started_at is 'Start of the first slice; NULL: only the bill knows the run.';
comment on column costpulse.job_runs.ended_at is 'End of the last slice, once the run is over; NULL: no end was seen.';
comment on column costpulse.job_runs.duration_seconds is
'From the start to the last slice seen, waiting between attempts included; 0: it never started.';
comment on column costpulse.job_runs.queue_seconds is 'Longest time in the queue of an attempt.';
comment on column costpulse.job_runs.setup_seconds is 'Longest time for setting up compute of an attempt.';
comment on column costpulse.job_runs.execution_seconds is 'Longest execution time of an attempt.';
comment on column costpulse.job_runs.attempts is 'Attempts that ended: one, and one more per repair.';
comment on column costpulse.job_runs.result_state is
'Result of the last attempt; NULL: it runs (again), or no end was seen.';
comment on column costpulse.job_runs.termination_code is 'Why the last attempt ended.';
comment on column costpulse.job_runs.compute_type is 'cluster, warehouse, serverless or mixed; NULL: unknown.';
comment on column costpulse.job_runs.cluster_id is 'Cluster its tasks ran on, where it is exactly one.';
comment on column costpulse.job_runs.warehouse_id is 'SQL warehouse its tasks ran on, where it is exactly one.';
comment on column costpulse.job_runs.cost_basis is
'billed: exact, from the bill; apportioned: by time, a view of what clusters or warehouses cost.';
comment on column costpulse.job_runs.dbu_consumed is 'DBUs on that basis.';
comment on column costpulse.job_runs.list_cost_usd is
'Cost at list price on that basis; NULL: none, or nothing has a price.';
comment on column costpulse.job_runs.cost_usd is
'Cost at the customer''s price on that basis; NULL: none, or nothing has a price.';
comment on column costpulse.job_runs.apportioned_cost_usd is
'Share of shared compute; a billed run may have one besides, which is not in cost_usd.';
comment on column costpulse.job_runs.failed_cost_usd is
'The part of cost_usd that brought nothing: all of it when the run is over and FAILED, TIMED_OUT or ERROR; else the '
'share of its time up to the end of the attempt that failed before the present one; 0 when none failed.';
comment on column costpulse.job_runs.built_at is 'When this row was built.';
