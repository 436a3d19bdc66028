-- Clusters: what they are, how well their nodes were used, what that cost.

-- workspace_id x cluster_id: newest configuration; a cluster that is gone keeps its row
create table costpulse.clusters (
    workspace_id text not null,
    cluster_id text not null,
    cluster_name text,
    cluster_type text,
    cluster_source text,
    owner text,
    driver_node_type text,
    worker_node_type text,
    worker_count integer,
    min_autoscale_workers integer,
    max_autoscale_workers integer,
    auto_termination_minutes integer,
    never_terminates boolean not null generated always as (
        coalesce(cluster_type = 'all-purpose', false) and coalesce(auto_termination_minutes, 0) = 0
    ) stored,
    dbr_version text,
    tags jsonb not null default '{}',
    policy_id text,
    data_security_mode text,
    driver_instance_pool_id text,
    worker_instance_pool_id text,
    is_pool_backed boolean not null generated always as (
        coalesce(driver_instance_pool_id, worker_instance_pool_id) is not null
    ) stored,
    create_time timestamptz,
    delete_time timestamptz,
    change_time timestamptz not null,
    connection text not null,
    updated_at timestamptz not null default now(),
    primary key (workspace_id, cluster_id)
);
create index clusters_change on costpulse.clusters (connection, change_time);
create index clusters_updated on costpulse.clusters (updated_at);

-- node_type: size of a node
create table costpulse.node_types (
    node_type text primary key,
    core_count numeric(9, 2) check (core_count <> 'NaN'),
    memory_mb bigint,
    gpu_count integer,
    connection text not null,
    updated_at timestamptz not null default now()
);

-- usage_date x usage_hour x workspace x cluster x driver or worker x node type
create table costpulse.node_utilization (
    usage_date date not null,
    usage_hour smallint not null check (usage_hour between 0 and 23),
    workspace_id text not null,
    cluster_id text not null,
    is_driver boolean not null,
    node_type text not null,
    node_minutes integer not null,
    node_count integer not null,
    cpu_minutes text not null,
    mem_minutes text not null,
    cpu_sum bigint,
    mem_sum bigint,
    io_wait_sum bigint,
    swap_max integer,
    up_minutes smallint check (up_minutes between 1 and 60),
    idle_minutes smallint check (idle_minutes between 0 and up_minutes),
    last_up_at timestamptz,
    last_idle_at timestamptz,
    last_busy_at timestamptz,
    connection text not null,
    primary key (usage_date, usage_hour, workspace_id, cluster_id, is_driver, node_type)
);

-- usage_date x usage_hour x workspace x cluster that a task ran on
create table costpulse.cluster_task_hours (
    usage_date date not null,
    usage_hour smallint not null check (usage_hour between 0 and 23),
    workspace_id text not null,
    cluster_id text not null,
    task_seconds smallint not null check (task_seconds between 0 and 3600),
    last_task_at timestamptz not null,
    connection text not null,
    primary key (usage_date, usage_hour, workspace_id, cluster_id)
);

-- The upper edge, in percent, of the bin that holds this share of a histogram's minutes (20 bins of 5 %); null where
-- there are none. Histograms of days, clusters or node kinds are merged by adding them up bin by bin first.
create function costpulse.histogram_percentile(minutes integer[], share numeric) returns smallint
language sql immutable strict parallel safe
set search_path = pg_catalog
as $body$
    select min(5 * running.bin)::smallint
    from (
        select
            h.bin,
            sum(h.minutes) over (order by h.bin) as up_to_here,
            sum(h.minutes) over () as total
        from unnest(histogram_percentile.minutes) with ordinality as h (minutes, bin)
    ) as running
    where running.total > 0 and running.up_to_here >= histogram_percentile.share * running.total
$body$;

-- usage_date x workspace x cluster: telemetry and cost side by side; either may be missing
create table costpulse.cluster_daily (
    usage_date date not null,
    workspace_id text,
    cluster_id text not null,
    up_hours numeric(8, 4),
    idle_hours numeric(8, 4),
    task_hours numeric(12, 4),
    driver_node_hours numeric(12, 4),
    driver_cpu_avg numeric(5, 2),
    driver_cpu_p50 smallint,
    driver_cpu_p95 smallint,
    driver_mem_avg numeric(5, 2),
    driver_mem_p50 smallint,
    driver_mem_p95 smallint,
    driver_io_wait_avg numeric(5, 2),
    driver_swap_max numeric(5, 2),
    driver_cpu_minutes integer[],
    driver_mem_minutes integer[],
    worker_node_hours numeric(12, 4),
    worker_cpu_avg numeric(5, 2),
    worker_cpu_p50 smallint,
    worker_cpu_p95 smallint,
    worker_mem_avg numeric(5, 2),
    worker_mem_p50 smallint,
    worker_mem_p95 smallint,
    worker_io_wait_avg numeric(5, 2),
    worker_swap_max numeric(5, 2),
    worker_cpu_minutes integer[],
    worker_mem_minutes integer[],
    last_up_at timestamptz,
    last_idle_at timestamptz,
    last_busy_at timestamptz,
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    is_photon boolean
);
create unique index cluster_daily_grain on costpulse.cluster_daily
    (usage_date, workspace_id, cluster_id) nulls not distinct;
create index cluster_daily_cluster on costpulse.cluster_daily (workspace_id, cluster_id, usage_date);

-- workspace x cluster: what it is, what it does now, how well it was used and what it cost over 30 days
create table costpulse.cluster_info (
    id bigint generated always as identity primary key,
    workspace_id text,
    cluster_id text not null,
    cluster_name text,
    cluster_type text,
    state text not null check (state in ('running', 'idle', 'terminated', 'deleted', 'unknown')),
    state_as_of timestamptz,
    state_evidence text not null check (state_evidence in ('node_timeline', 'billing', 'clusters')),
    last_active_at timestamptz,
    is_idle boolean,
    owner text,
    tags jsonb not null default '{}',
    node_type text,
    driver_node_type text,
    driver_cores numeric(9, 2),
    driver_memory_mb bigint,
    worker_node_type text,
    worker_cores numeric(9, 2),
    worker_memory_mb bigint,
    num_workers integer,
    min_workers integer,
    max_workers integer,
    photon_enabled boolean,
    spark_version text,
    auto_termination_minutes integer,
    never_terminates boolean not null,
    policy_id text,
    data_security_mode text,
    is_pool_backed boolean not null default false,
    created_at timestamptz,
    changed_at timestamptz,
    deleted_at timestamptz,
    last_usage_date date,
    last_seen_date date,
    last_up_at timestamptz,
    last_idle_at timestamptz,
    up_hours numeric(12, 4) not null,
    idle_time_hours numeric(12, 4) not null,
    avg_cpu_util numeric(5, 2),
    p95_cpu_util smallint,
    avg_mem_util numeric(5, 2),
    p95_mem_util smallint,
    driver_avg_cpu_util numeric(5, 2),
    driver_p95_cpu_util smallint,
    driver_avg_mem_util numeric(5, 2),
    driver_p95_mem_util smallint,
    worker_avg_cpu_util numeric(5, 2),
    worker_p95_cpu_util smallint,
    worker_avg_mem_util numeric(5, 2),
    worker_p95_mem_util smallint,
    worker_io_wait_avg numeric(5, 2),
    worker_swap_max numeric(5, 2),
    driver_node_hours numeric(14, 4) not null,
    worker_node_hours numeric(14, 4) not null,
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    total_cost_usd numeric(38, 18) check (total_cost_usd <> 'NaN'),
    updated_at timestamptz not null default now()
);
create unique index cluster_info_cluster on costpulse.cluster_info (workspace_id, cluster_id) nulls not distinct;
create index cluster_info_state on costpulse.cluster_info (state);
-- What a build looks at, however many clusters there ever were.
create index cluster_info_seen on costpulse.cluster_info (last_seen_date);
create index cluster_info_up on costpulse.cluster_info (workspace_id, last_up_at);
create index cluster_info_unsettled on costpulse.cluster_info (workspace_id)
where state = 'unknown' and (last_up_at is not null or changed_at is not null);

comment on table costpulse.clusters is
'One row per classic cluster: its newest configuration; a cluster that is gone keeps its row.';
comment on column costpulse.clusters.workspace_id is 'Workspace; ids are unique only within it.';
comment on column costpulse.clusters.cluster_id is 'Databricks'' id of the cluster.';
comment on column costpulse.clusters.cluster_name is 'Its present name; earlier ones are in resource_names.';
comment on column costpulse.clusters.cluster_type is
'all-purpose (made in the UI or by the API), job, pipeline, else the source in lower case.';
comment on column costpulse.clusters.cluster_source is 'As Databricks writes it: UI, API, JOB, PIPELINE, ...';
comment on column costpulse.clusters.owner is 'Who owns it.';
comment on column costpulse.clusters.driver_node_type is 'Node type of the driver.';
comment on column costpulse.clusters.worker_node_type is 'Node type of the workers; NULL: only a driver.';
comment on column costpulse.clusters.worker_count is
'Workers of a cluster of fixed size; NULL when it scales by itself.';
comment on column costpulse.clusters.min_autoscale_workers is 'Fewest workers of a cluster that scales by itself.';
comment on column costpulse.clusters.max_autoscale_workers is 'Most workers of a cluster that scales by itself.';
comment on column costpulse.clusters.auto_termination_minutes is
'Minutes without activity after which it ends; NULL and 0: never.';
comment on column costpulse.clusters.never_terminates is
'True for an all-purpose cluster that does not end by itself (job and pipeline clusters end with their run).';
comment on column costpulse.clusters.dbr_version is 'Databricks Runtime.';
comment on column costpulse.clusters.tags is 'Tags set by people, keys sorted.';
comment on column costpulse.clusters.policy_id is 'Compute policy; NULL: none.';
comment on column costpulse.clusters.data_security_mode is 'Access mode.';
comment on column costpulse.clusters.driver_instance_pool_id is
'Instance pool that the machine of the driver comes from; NULL: none.';
comment on column costpulse.clusters.worker_instance_pool_id is
'Instance pool that the machines of the workers come from; NULL: none.';
comment on column costpulse.clusters.is_pool_backed is
'Its machines, or some of them, are of an instance pool, which may keep them when the cluster lets them go.';
comment on column costpulse.clusters.create_time is 'When it was made.';
comment on column costpulse.clusters.delete_time is
'When it was deleted; NULL: it was not (which does not mean that it runs).';
comment on column costpulse.clusters.change_time is 'When this configuration was made.';
comment on column costpulse.clusters.connection is 'Connection it was read over.';
comment on column costpulse.clusters.updated_at is 'When the row was last written.';

comment on table costpulse.node_types is 'One row per node type: its size. Databricks gives no price for it.';
comment on column costpulse.node_types.node_type is 'Name at the cloud provider.';
comment on column costpulse.node_types.core_count is 'Virtual cores.';
comment on column costpulse.node_types.memory_mb is 'Memory in MB.';
comment on column costpulse.node_types.gpu_count is 'GPUs.';
comment on column costpulse.node_types.connection is 'Connection it was last read over.';
comment on column costpulse.node_types.updated_at is 'When the row was last written.';

comment on table costpulse.node_utilization is
'One row per UTC hour, cluster, driver or workers and node type: how long nodes ran and how busy they were.';
comment on column costpulse.node_utilization.usage_date is 'UTC day.';
comment on column costpulse.node_utilization.usage_hour is 'UTC hour, 0 to 23.';
comment on column costpulse.node_utilization.workspace_id is 'Workspace.';
comment on column costpulse.node_utilization.cluster_id is 'Cluster, see clusters.';
comment on column costpulse.node_utilization.is_driver is 'True: the driver, false: the workers.';
comment on column costpulse.node_utilization.node_type is 'Node type; unknown where the source says none.';
comment on column costpulse.node_utilization.node_minutes is 'Minutes of all nodes of the row together.';
comment on column costpulse.node_utilization.node_count is 'Nodes seen in the hour, not all at once.';
comment on column costpulse.node_utilization.cpu_minutes is
'Node minutes by CPU (user + system): 20 numbers for 0-5 %, 5-10 %, ... 95-100 %, space between.';
comment on column costpulse.node_utilization.mem_minutes is 'Node minutes by memory used, as cpu_minutes.';
comment on column costpulse.node_utilization.cpu_sum is
'Sum of CPU over the minutes, in hundredths of a percent; NULL without a reading.';
comment on column costpulse.node_utilization.mem_sum is 'Sum of memory used, likewise.';
comment on column costpulse.node_utilization.io_wait_sum is
'Sum of CPU time spent waiting for disk and network, likewise.';
comment on column costpulse.node_utilization.swap_max is 'Highest swap, in hundredths of a percent.';
comment on column costpulse.node_utilization.up_minutes is
'Minutes in which any node of the cluster ran: on one row of each cluster and hour, NULL on the '
'others, so that a plain sum is right.';
comment on column costpulse.node_utilization.idle_minutes is
'Those of up_minutes within a stretch of more than COSTPULSE_IDLE_MINUTES in which every node '
'stayed below COSTPULSE_IDLE_CPU_PERCENT; on the same row.';
comment on column costpulse.node_utilization.last_up_at is 'Last minute of the hour in which it ran; on the same row.';
comment on column costpulse.node_utilization.last_idle_at is 'Last idle minute of the hour; on the same row.';
comment on column costpulse.node_utilization.last_busy_at is
'Last minute of the hour in which a node reached COSTPULSE_IDLE_CPU_PERCENT; on the same row.';
comment on column costpulse.node_utilization.connection is 'Connection it was read over.';

comment on table costpulse.cluster_task_hours is
'One row per UTC hour and cluster that a task of a job ran on: how long, and until when.';
comment on column costpulse.cluster_task_hours.usage_date is 'UTC day.';
comment on column costpulse.cluster_task_hours.usage_hour is 'UTC hour, 0 to 23.';
comment on column costpulse.cluster_task_hours.workspace_id is 'Workspace.';
comment on column costpulse.cluster_task_hours.cluster_id is 'Cluster, see clusters.';
comment on column costpulse.cluster_task_hours.task_seconds is
'Seconds in which any task ran on it; tasks side by side count once.';
comment on column costpulse.cluster_task_hours.last_task_at is
'Moment within the hour until which a task ran; a task whose end is not known yet runs until it was read.';
comment on column costpulse.cluster_task_hours.connection is 'Connection the row came over.';

comment on table costpulse.cluster_daily is
'One row per day and cluster: hours, utilization, DBUs and cost; kept longer than Databricks keeps its telemetry.';
comment on column costpulse.cluster_daily.usage_date is 'UTC day.';
comment on column costpulse.cluster_daily.workspace_id is 'Workspace; NULL where the bill names none.';
comment on column costpulse.cluster_daily.cluster_id is
'Cluster; the bill also names what is no cluster of the list, e.g. of model serving: then there is cost only.';
comment on column costpulse.cluster_daily.up_hours is
'Hours in which any node ran; NULL without telemetry (serverless, or lost).';
comment on column costpulse.cluster_daily.idle_hours is
'Hours in which nothing happened: hour by hour node_utilization.idle_minutes, never more than the time without a '
'task, see cluster_task_hours.';
comment on column costpulse.cluster_daily.task_hours is
'Hours of job tasks on the cluster, parallel ones added up; NULL: none known.';
comment on column costpulse.cluster_daily.driver_node_hours is 'Hours of the driver, all nodes added up.';
comment on column costpulse.cluster_daily.driver_cpu_avg is 'Average CPU of the driver in percent.';
comment on column costpulse.cluster_daily.driver_cpu_p50 is
'Median CPU of the driver in percent: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_daily.driver_cpu_p95 is
'95th percentile of CPU of the driver in percent: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_daily.driver_mem_avg is 'Average memory used of the driver in percent.';
comment on column costpulse.cluster_daily.driver_mem_p50 is
'Median memory used of the driver in percent: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_daily.driver_mem_p95 is
'95th percentile of memory used of the driver in percent: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_daily.driver_io_wait_avg is
'Average share of time CPUs of the driver waited for disk and network, in percent.';
comment on column costpulse.cluster_daily.driver_swap_max is 'Highest swap of the driver in percent.';
comment on column costpulse.cluster_daily.driver_cpu_minutes is
'Node minutes of the driver by CPU, 20 bins of 5 %: add them up over days, then histogram_percentile.';
comment on column costpulse.cluster_daily.driver_mem_minutes is
'Node minutes of the driver by memory used, 20 bins of 5 %: add them up over days, then histogram_percentile.';
comment on column costpulse.cluster_daily.worker_node_hours is 'Hours of the workers, all nodes added up.';
comment on column costpulse.cluster_daily.worker_cpu_avg is 'Average CPU of the workers in percent.';
comment on column costpulse.cluster_daily.worker_cpu_p50 is
'Median CPU of the workers in percent: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_daily.worker_cpu_p95 is
'95th percentile of CPU of the workers in percent: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_daily.worker_mem_avg is 'Average memory used of the workers in percent.';
comment on column costpulse.cluster_daily.worker_mem_p50 is
'Median memory used of the workers in percent: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_daily.worker_mem_p95 is
'95th percentile of memory used of the workers in percent: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_daily.worker_io_wait_avg is
'Average share of time CPUs of the workers waited for disk and network, in percent.';
comment on column costpulse.cluster_daily.worker_swap_max is 'Highest swap of the workers in percent.';
comment on column costpulse.cluster_daily.worker_cpu_minutes is
'Node minutes of the workers by CPU, 20 bins of 5 %: add them up over days, then histogram_percentile.';
comment on column costpulse.cluster_daily.worker_mem_minutes is
'Node minutes of the workers by memory used, 20 bins of 5 %: add them up over days, then histogram_percentile.';
comment on column costpulse.cluster_daily.last_up_at is 'Last minute of the day in which it ran.';
comment on column costpulse.cluster_daily.last_idle_at is 'Last idle minute of the day in which no task ran.';
comment on column costpulse.cluster_daily.last_busy_at is
'Last minute of the day in which a node reached COSTPULSE_IDLE_CPU_PERCENT or a task ran on it.';
comment on column costpulse.cluster_daily.dbu_count is 'Net DBUs; NULL: the bill does not name it that day.';
comment on column costpulse.cluster_daily.list_cost_usd is
'Cost at list price, of Databricks only: virtual machines are on the cloud provider''s bill.';
comment on column costpulse.cluster_daily.cost_usd is 'Cost at the customer''s price, likewise.';
comment on column costpulse.cluster_daily.is_photon is 'Any of it was billed as Photon; NULL: no cost.';

comment on table costpulse.cluster_info is
'One row per cluster of the list or the bill: what it is, what it does, how well it was used, what it cost.';
comment on column costpulse.cluster_info.id is 'Number of the row; it stays.';
comment on column costpulse.cluster_info.workspace_id is 'Workspace; NULL where the bill names none.';
comment on column costpulse.cluster_info.cluster_id is 'Databricks'' id of the cluster.';
comment on column costpulse.cluster_info.cluster_name is 'Its present name; NULL where only the bill knows it.';
comment on column costpulse.cluster_info.cluster_type is 'See clusters; NULL where only the bill knows it.';
comment on column costpulse.cluster_info.state is
'running, idle (running, nothing happening, no task either), terminated, deleted, or unknown; never running on '
'evidence older than two hours.';
comment on column costpulse.cluster_info.state_as_of is
'Moment that the state holds for, as Databricks publishes no live state; terminated and deleted: since when.';
comment on column costpulse.cluster_info.state_evidence is
'What the state was read from: node_timeline, billing or clusters.';
comment on column costpulse.cluster_info.last_active_at is
'Last minute in which a node did something or a task ran on it; NULL without telemetry.';
comment on column costpulse.cluster_info.is_idle is 'state is idle; NULL when the state is unknown.';
comment on column costpulse.cluster_info.owner is 'Who owns it.';
comment on column costpulse.cluster_info.tags is 'Tags set by people.';
comment on column costpulse.cluster_info.node_type is
'Node type of the workers, or of the driver where there are none.';
comment on column costpulse.cluster_info.driver_node_type is 'Node type of the driver.';
comment on column costpulse.cluster_info.driver_cores is 'Cores of the driver.';
comment on column costpulse.cluster_info.driver_memory_mb is 'Memory of the driver in MB.';
comment on column costpulse.cluster_info.worker_node_type is 'Node type of the workers.';
comment on column costpulse.cluster_info.worker_cores is 'Cores of one worker.';
comment on column costpulse.cluster_info.worker_memory_mb is 'Memory of one worker in MB.';
comment on column costpulse.cluster_info.num_workers is 'Workers of a cluster of fixed size.';
comment on column costpulse.cluster_info.min_workers is 'Fewest workers of a cluster that scales by itself.';
comment on column costpulse.cluster_info.max_workers is 'Most workers of a cluster that scales by itself.';
comment on column costpulse.cluster_info.photon_enabled is 'Billed as Photon on its last day with cost; NULL: no cost.';
comment on column costpulse.cluster_info.spark_version is 'Databricks Runtime.';
comment on column costpulse.cluster_info.auto_termination_minutes is
'Minutes without activity after which it ends; NULL and 0: never.';
comment on column costpulse.cluster_info.never_terminates is
'True for an all-purpose cluster that does not end by itself.';
comment on column costpulse.cluster_info.policy_id is 'Compute policy; NULL: none.';
comment on column costpulse.cluster_info.data_security_mode is 'Access mode.';
comment on column costpulse.cluster_info.is_pool_backed is
'Its machines, or some of them, are of an instance pool, which may keep them when the cluster lets them go.';
comment on column costpulse.cluster_info.created_at is 'When it was made.';
comment on column costpulse.cluster_info.changed_at is 'When its configuration was last changed.';
comment on column costpulse.cluster_info.deleted_at is 'When it was deleted.';
comment on column costpulse.cluster_info.last_usage_date is 'Last day with cost.';
comment on column costpulse.cluster_info.last_seen_date is 'Last day with cost or telemetry.';
comment on column costpulse.cluster_info.last_up_at is 'Last minute in which it ran; NULL without telemetry.';
comment on column costpulse.cluster_info.last_idle_at is 'Last idle minute, see cluster_daily; NULL: none.';
comment on column costpulse.cluster_info.up_hours is 'Hours in which it ran, last 30 days.';
comment on column costpulse.cluster_info.idle_time_hours is 'Hours of them in which nothing happened, last 30 days.';
comment on column costpulse.cluster_info.avg_cpu_util is 'Average CPU of all nodes in percent, last 30 days.';
comment on column costpulse.cluster_info.p95_cpu_util is
'95th percentile of CPU of all nodes in percent, last 30 days: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_info.avg_mem_util is 'Average memory used of all nodes in percent, last 30 days.';
comment on column costpulse.cluster_info.p95_mem_util is
'95th percentile of memory used of all nodes in percent, last 30 days: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_info.driver_avg_cpu_util is 'Average CPU of the driver in percent, last 30 days.';
comment on column costpulse.cluster_info.driver_p95_cpu_util is
'95th percentile of CPU of the driver in percent, last 30 days: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_info.driver_avg_mem_util is
'Average memory used of the driver in percent, last 30 days.';
comment on column costpulse.cluster_info.driver_p95_mem_util is
'95th percentile of memory used of the driver in percent, last 30 days: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_info.worker_avg_cpu_util is 'Average CPU of the workers in percent, last 30 days.';
comment on column costpulse.cluster_info.worker_p95_cpu_util is
'95th percentile of CPU of the workers in percent, last 30 days: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_info.worker_avg_mem_util is
'Average memory used of the workers in percent, last 30 days.';
comment on column costpulse.cluster_info.worker_p95_mem_util is
'95th percentile of memory used of the workers in percent, last 30 days: the upper edge of its 5 % bin.';
comment on column costpulse.cluster_info.worker_io_wait_avg is
'Average share of time CPUs of the workers waited for disk and network, in percent, last 30 days.';
comment on column costpulse.cluster_info.worker_swap_max is 'Highest swap of the workers in percent, last 30 days.';
comment on column costpulse.cluster_info.driver_node_hours is 'Hours of the driver, last 30 days.';
comment on column costpulse.cluster_info.worker_node_hours is 'Hours of all workers together, last 30 days.';
comment on column costpulse.cluster_info.dbu_count is 'Net DBUs, last 30 days.';
comment on column costpulse.cluster_info.list_cost_usd is 'Cost at list price, last 30 days; Databricks only.';
comment on column costpulse.cluster_info.total_cost_usd is
'Cost at the customer''s price, last 30 days; Databricks only.';
comment on column costpulse.cluster_info.updated_at is 'When anything of the row last changed.';

comment on function costpulse.histogram_percentile is
'Upper edge, in percent, of the 5 % bin in which a share of the minutes is reached; NULL for an empty histogram.';
