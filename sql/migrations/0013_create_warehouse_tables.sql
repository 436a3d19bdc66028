-- SQL warehouses: what they are, when they ran, who kept them busy, and what that cost.

-- workspace_id x warehouse_id: newest configuration; a warehouse that is gone keeps its row
create table costpulse.warehouses (
    workspace_id text not null,
    warehouse_id text not null,
    name text,
    warehouse_type text,
    is_serverless boolean generated always as (warehouse_type = 'SERVERLESS') stored,
    warehouse_size text,
    warehouse_channel text,
    min_clusters integer,
    max_clusters integer,
    auto_stop_minutes integer,
    owner text,
    tags jsonb not null default '{}',
    change_time timestamptz,
    delete_time timestamptz,
    connection text not null,
    updated_at timestamptz not null default now(),
    primary key (workspace_id, warehouse_id)
);

-- usage_date x usage_hour x workspace x warehouse that ran in the hour
create table costpulse.warehouse_uptime (
    usage_date date not null,
    usage_hour smallint not null check (usage_hour between 0 and 23),
    workspace_id text not null,
    warehouse_id text not null,
    running_seconds integer not null check (running_seconds between 0 and 3600),
    cluster_seconds bigint not null check (cluster_seconds >= running_seconds),
    start_count bigint not null check (start_count >= 0),
    max_cluster_count integer not null check (max_cluster_count > 0),
    still_running_at timestamptz,
    connection text not null,
    primary key (usage_date, usage_hour, workspace_id, warehouse_id)
);

-- usage_date x usage_hour x workspace x warehouse that ran or received a statement in the hour
create table costpulse.warehouse_queries (
    usage_date date not null,
    usage_hour smallint not null check (usage_hour between 0 and 23),
    workspace_id text not null,
    warehouse_id text not null,
    busy_ms integer not null check (busy_ms between 0 and 3600000),
    executions bigint not null check (executions >= 0),
    last_started_at timestamptz,
    connection text not null,
    primary key (usage_date, usage_hour, workspace_id, warehouse_id)
);

-- usage_date x usage_hour x workspace x warehouse x user x client x source x our own or not
create table costpulse.query_activity (
    usage_date date not null,
    usage_hour smallint not null check (usage_hour between 0 and 23),
    workspace_id text not null,
    warehouse_id text,
    executed_by text,
    client_application text,
    source_kind text not null check (
        source_kind in ('job', 'pipeline', 'dashboard', 'alert', 'genie', 'notebook', 'sql_query', 'other')
    ),
    is_costpulse boolean not null,
    executions bigint not null check (executions >= 0),
    execution_ms bigint not null check (execution_ms >= 0),
    task_ms bigint not null,
    read_bytes bigint not null,
    failed_count bigint not null,
    cached_count bigint not null,
    connection text not null
);
-- No key: two spellings of an address come as two rows and may be stored under one hash.
create index query_activity_day on costpulse.query_activity (usage_date, workspace_id);
create index query_activity_warehouse on costpulse.query_activity (warehouse_id, usage_date);

-- usage_date x workspace x warehouse x kind x user x client x source x our own or not
create table costpulse.query_costs (
    usage_date date not null,
    workspace_id text,
    warehouse_id text not null,
    kind text not null check (kind in ('query', 'idle', 'unknown')),
    executed_by text,
    client_application text,
    source_kind text,
    is_costpulse boolean,
    executions bigint not null,
    execution_seconds numeric(20, 3) not null check (execution_seconds <> 'NaN'),
    task_seconds numeric(20, 3) not null check (task_seconds <> 'NaN'),
    read_bytes bigint not null,
    failed_count bigint not null,
    cached_count bigint not null,
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    cost_basis text check (cost_basis in ('hour', 'day')),
    check ((kind = 'query') = (source_kind is not null and is_costpulse is not null))
);
create unique index query_costs_grain on costpulse.query_costs (
    usage_date, workspace_id, warehouse_id, kind, executed_by, client_application, source_kind, is_costpulse
) nulls not distinct;
create index query_costs_warehouse on costpulse.query_costs (warehouse_id, usage_date);
create index query_costs_user on costpulse.query_costs (executed_by, usage_date);

-- usage_date x workspace x warehouse
create table costpulse.warehouse_daily (
    usage_date date not null,
    workspace_id text,
    warehouse_id text not null,
    running_hours numeric(12, 6) check (running_hours <> 'NaN'),
    cluster_hours numeric(12, 6) check (cluster_hours <> 'NaN'),
    query_hours numeric(12, 6) check (query_hours <> 'NaN'),
    idle_hours numeric(12, 6) check (idle_hours <> 'NaN'),
    start_count bigint,
    executions bigint,
    failed_count bigint,
    users bigint,
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    idle_cost_usd numeric(38, 18) check (idle_cost_usd <> 'NaN'),
    cost_basis text check (cost_basis in ('hour', 'day'))
);
create unique index warehouse_daily_grain on costpulse.warehouse_daily
    (usage_date, workspace_id, warehouse_id) nulls not distinct;
create index warehouse_daily_warehouse on costpulse.warehouse_daily (warehouse_id, usage_date);

-- workspace_id x warehouse_id: configuration, state and the last 30 days; replaced as a whole
create table costpulse.warehouse_info (
    workspace_id text,
    warehouse_id text not null,
    name text,
    warehouse_type text,
    is_serverless boolean,
    warehouse_size text,
    warehouse_channel text,
    min_clusters integer,
    max_clusters integer,
    auto_stop_minutes integer,
    owner text,
    tags jsonb not null default '{}',
    delete_time timestamptz,
    state text not null check (state in ('running', 'stopped', 'deleted', 'unknown')),
    state_as_of timestamptz,
    state_evidence text not null check (state_evidence in ('events', 'configuration', 'none')),
    last_query_at timestamptz,
    running_hours numeric(12, 6) check (running_hours <> 'NaN'),
    query_hours numeric(12, 6) check (query_hours <> 'NaN'),
    idle_hours numeric(12, 6) check (idle_hours <> 'NaN'),
    start_count bigint,
    executions bigint,
    users bigint,
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    total_cost_usd numeric(38, 18) check (total_cost_usd <> 'NaN'),
    idle_cost_usd numeric(38, 18) check (idle_cost_usd <> 'NaN'),
    updated_at timestamptz not null default now()
);
create unique index warehouse_info_grain on costpulse.warehouse_info (workspace_id, warehouse_id) nulls not distinct;

-- usage_date x workspace x warehouse: what the statements of CostPulse itself cost; the idle part of a warehouse counts
-- on days on which nobody else used it
create view costpulse.v_self_cost with (security_invoker = true) as
select
    c.usage_date,
    c.workspace_id,
    c.warehouse_id,
    sum(c.cost_usd) as cost_usd,
    sum(c.executions)::bigint as executions
from (
    select
        q.usage_date,
        q.workspace_id,
        q.warehouse_id,
        q.kind,
        q.is_costpulse,
        q.cost_usd,
        q.executions,
        bool_or(q.is_costpulse) over (partition by q.usage_date, q.workspace_id, q.warehouse_id) as is_used_by_us,
        bool_and(q.is_costpulse) over (partition by q.usage_date, q.workspace_id, q.warehouse_id) as is_ours_alone
    from costpulse.query_costs as q
) as c
where c.is_used_by_us and (c.is_costpulse or (c.kind = 'idle' and c.is_ours_alone))
group by c.usage_date, c.workspace_id, c.warehouse_id;

comment on table costpulse.warehouses is
'One row per SQL warehouse ever seen: its newest configuration; a deleted one keeps its row.';
comment on column costpulse.warehouses.workspace_id is 'Workspace; warehouse ids are unique only within it.';
comment on column costpulse.warehouses.warehouse_id is 'Databricks'' id of the warehouse.';
comment on column costpulse.warehouses.name is 'Its present or last name.';
comment on column costpulse.warehouses.warehouse_type is 'CLASSIC, PRO or SERVERLESS.';
comment on column costpulse.warehouses.is_serverless is 'Whether warehouse_type is SERVERLESS.';
comment on column costpulse.warehouses.warehouse_size is 'Size of one cluster, 2X_SMALL to 5X_LARGE.';
comment on column costpulse.warehouses.warehouse_channel is 'CURRENT or PREVIEW.';
comment on column costpulse.warehouses.min_clusters is 'Fewest clusters while it runs.';
comment on column costpulse.warehouses.max_clusters is 'Most clusters.';
comment on column costpulse.warehouses.auto_stop_minutes is 'Minutes without a statement until it stops; 0: never.';
comment on column costpulse.warehouses.owner is 'Who created it; an address or a service principal.';
comment on column costpulse.warehouses.tags is 'Tags of the warehouse.';
comment on column costpulse.warehouses.change_time is 'When this configuration was made (UTC).';
comment on column costpulse.warehouses.delete_time is 'When it was deleted (UTC); NULL: it exists.';
comment on column costpulse.warehouses.connection is 'Connection it was last read over.';
comment on column costpulse.warehouses.updated_at is 'When the row was last written.';

comment on table costpulse.warehouse_uptime is
'One row per hour in which a warehouse ran: how long, with how many clusters, from warehouse_events.';
comment on column costpulse.warehouse_uptime.usage_date is 'UTC day.';
comment on column costpulse.warehouse_uptime.usage_hour is 'UTC hour, 0 to 23.';
comment on column costpulse.warehouse_uptime.workspace_id is 'Workspace.';
comment on column costpulse.warehouse_uptime.warehouse_id is 'Warehouse.';
comment on column costpulse.warehouse_uptime.running_seconds is 'Seconds of the hour it ran with at least one cluster.';
comment on column costpulse.warehouse_uptime.cluster_seconds is 'Seconds times clusters.';
comment on column costpulse.warehouse_uptime.start_count is 'How often it came up in this hour.';
comment on column costpulse.warehouse_uptime.max_cluster_count is 'Most clusters at once in this hour.';
comment on column costpulse.warehouse_uptime.still_running_at is
'Moment of the reading, on the hours of a run that was still going on then; NULL on all others.';
comment on column costpulse.warehouse_uptime.connection is 'Connection it was read over.';

comment on table costpulse.warehouse_queries is
'One row per hour in which a warehouse ran statements: how long at least one was running, from query.history.';
comment on column costpulse.warehouse_queries.usage_date is 'UTC day.';
comment on column costpulse.warehouse_queries.usage_hour is 'UTC hour, 0 to 23.';
comment on column costpulse.warehouse_queries.workspace_id is 'Workspace.';
comment on column costpulse.warehouse_queries.warehouse_id is 'Warehouse.';
comment on column costpulse.warehouse_queries.busy_ms is
'Milliseconds of the hour with at least one statement running or being fetched, waiting for compute left out.';
comment on column costpulse.warehouse_queries.executions is 'Statements received in this hour.';
comment on column costpulse.warehouse_queries.last_started_at is 'When the last one of them was received (UTC).';
comment on column costpulse.warehouse_queries.connection is 'Connection it was read over.';

comment on table costpulse.query_activity is
'One row per hour, warehouse, user, client and kind of source that ran statements; no text of a statement is read.';
comment on column costpulse.query_activity.usage_date is 'UTC day.';
comment on column costpulse.query_activity.usage_hour is 'UTC hour, 0 to 23.';
comment on column costpulse.query_activity.workspace_id is 'Workspace.';
comment on column costpulse.query_activity.warehouse_id is 'Warehouse; NULL on serverless compute.';
comment on column costpulse.query_activity.executed_by is 'Who ran them; an address or a service principal.';
comment on column costpulse.query_activity.client_application is 'Client they came from, as it names itself.';
comment on column costpulse.query_activity.source_kind is
'What sent them: job, pipeline, dashboard, alert, genie, notebook, sql_query; other where the source is not known.';
comment on column costpulse.query_activity.is_costpulse is 'Statements of CostPulse itself.';
comment on column costpulse.query_activity.executions is 'Statements received in this hour.';
comment on column costpulse.query_activity.execution_ms is
'Milliseconds of execution and fetching that fall into this hour, added up over statements.';
comment on column costpulse.query_activity.task_ms is
'Milliseconds of work on all cores of the statements received in this hour.';
comment on column costpulse.query_activity.read_bytes is 'Bytes read by the statements received in this hour.';
comment on column costpulse.query_activity.failed_count is 'How many of them failed.';
comment on column costpulse.query_activity.cached_count is 'How many of them were answered from the result cache.';
comment on column costpulse.query_activity.connection is 'Connection it was read over.';

comment on table costpulse.query_costs is
'The bill of each warehouse and day, shared by execution time within each hour; time without a statement is apart.';
comment on column costpulse.query_costs.usage_date is 'UTC day.';
comment on column costpulse.query_costs.workspace_id is 'Workspace.';
comment on column costpulse.query_costs.warehouse_id is 'Warehouse.';
comment on column costpulse.query_costs.kind is
'query: statements; idle: the rest of the bill, running or starting without one; unknown: the rest where the query '
'history of the day was not read.';
comment on column costpulse.query_costs.executed_by is 'Who ran them; an address or a service principal.';
comment on column costpulse.query_costs.client_application is 'Client they came from, as it names itself.';
comment on column costpulse.query_costs.source_kind is
'What sent them, as in query_activity; NULL unless kind is query.';
comment on column costpulse.query_costs.is_costpulse is 'Statements of CostPulse itself; NULL unless kind is query.';
comment on column costpulse.query_costs.executions is 'Statements received on the day.';
comment on column costpulse.query_costs.execution_seconds is 'Execution and fetching on the day, over all statements.';
comment on column costpulse.query_costs.task_seconds is 'Work on all cores.';
comment on column costpulse.query_costs.read_bytes is 'Bytes read.';
comment on column costpulse.query_costs.failed_count is 'Failed statements.';
comment on column costpulse.query_costs.cached_count is 'Statements answered from the result cache.';
comment on column costpulse.query_costs.dbu_count is
'Share of the warehouse''s DBUs: an estimate; the shares of a day add up to the bill exactly.';
comment on column costpulse.query_costs.cost_usd is
'Share of the warehouse''s cost: an estimate; the shares of a day add up to the bill exactly. NULL without a bill.';
comment on column costpulse.query_costs.cost_basis is
'hour: shared within each hour; day: over the whole day, where the bill by the hour is missing; NULL: no bill.';

comment on table costpulse.warehouse_daily is 'One row per warehouse and day: how it was used and what it cost.';
comment on column costpulse.warehouse_daily.usage_date is 'UTC day.';
comment on column costpulse.warehouse_daily.workspace_id is 'Workspace.';
comment on column costpulse.warehouse_daily.warehouse_id is 'Warehouse.';
comment on column costpulse.warehouse_daily.running_hours is 'Hours it ran; NULL: no event is known.';
comment on column costpulse.warehouse_daily.cluster_hours is 'Hours times clusters.';
comment on column costpulse.warehouse_daily.query_hours is
'Hours with at least one statement running; NULL where the query history was not read.';
comment on column costpulse.warehouse_daily.idle_hours is
'Hours it ran without any statement; NULL where events or query history are not known.';
comment on column costpulse.warehouse_daily.start_count is 'How often it came up.';
comment on column costpulse.warehouse_daily.executions is 'Statements received.';
comment on column costpulse.warehouse_daily.failed_count is 'Statements that failed.';
comment on column costpulse.warehouse_daily.users is 'Different people and principals who ran statements.';
comment on column costpulse.warehouse_daily.dbu_count is 'DBUs billed.';
comment on column costpulse.warehouse_daily.list_cost_usd is 'Cost at list price.';
comment on column costpulse.warehouse_daily.cost_usd is 'Cost after adjustments.';
comment on column costpulse.warehouse_daily.idle_cost_usd is
'Part of cost_usd without a statement, as in query_costs; NULL where it is not known.';
comment on column costpulse.warehouse_daily.cost_basis is 'As in query_costs.';

comment on table costpulse.warehouse_info is
'One row per warehouse: configuration, state as far as it is known, use and cost of the last 30 days.';
comment on column costpulse.warehouse_info.workspace_id is 'Workspace.';
comment on column costpulse.warehouse_info.warehouse_id is 'Warehouse.';
comment on column costpulse.warehouse_info.name is 'Its present or last name; NULL where only the bill knows it.';
comment on column costpulse.warehouse_info.warehouse_type is 'CLASSIC, PRO or SERVERLESS.';
comment on column costpulse.warehouse_info.is_serverless is 'Whether warehouse_type is SERVERLESS.';
comment on column costpulse.warehouse_info.warehouse_size is 'Size of one cluster, 2X_SMALL to 5X_LARGE.';
comment on column costpulse.warehouse_info.warehouse_channel is 'CURRENT or PREVIEW.';
comment on column costpulse.warehouse_info.min_clusters is 'Fewest clusters while it runs.';
comment on column costpulse.warehouse_info.max_clusters is 'Most clusters.';
comment on column costpulse.warehouse_info.auto_stop_minutes is 'Minutes without a statement until it stops; 0: never.';
comment on column costpulse.warehouse_info.owner is 'Who created it; an address or a service principal.';
comment on column costpulse.warehouse_info.tags is 'Tags of the warehouse.';
comment on column costpulse.warehouse_info.delete_time is 'When it was deleted (UTC); NULL: it exists.';
comment on column costpulse.warehouse_info.state is
'running, stopped, deleted; unknown where what was last read is too old to tell.';
comment on column costpulse.warehouse_info.state_as_of is 'Moment (UTC) the state was true for sure.';
comment on column costpulse.warehouse_info.state_evidence is
'Where the state was read: events (warehouse_events), configuration (delete_time), none.';
comment on column costpulse.warehouse_info.last_query_at is 'When the last known statement was received (UTC).';
comment on column costpulse.warehouse_info.running_hours is 'Hours it ran in the last 30 days.';
comment on column costpulse.warehouse_info.query_hours is
'Hours with at least one statement running in the last 30 days.';
comment on column costpulse.warehouse_info.idle_hours is 'Hours it ran without any statement in the last 30 days.';
comment on column costpulse.warehouse_info.start_count is 'How often it came up in the last 30 days.';
comment on column costpulse.warehouse_info.executions is 'Statements received in the last 30 days.';
comment on column costpulse.warehouse_info.users is 'Different people and principals of the last 30 days.';
comment on column costpulse.warehouse_info.dbu_count is 'DBUs billed in the last 30 days.';
comment on column costpulse.warehouse_info.list_cost_usd is 'Cost of the last 30 days at list price.';
comment on column costpulse.warehouse_info.total_cost_usd is 'Cost of the last 30 days after adjustments.';
comment on column costpulse.warehouse_info.idle_cost_usd is 'Part of total_cost_usd without a statement.';
comment on column costpulse.warehouse_info.updated_at is 'When the row was last written.';

comment on view costpulse.v_self_cost is
'One row per day and warehouse that CostPulse read Databricks with: what its own statements cost there.';
comment on column costpulse.v_self_cost.usage_date is 'UTC day.';
comment on column costpulse.v_self_cost.workspace_id is 'Workspace.';
comment on column costpulse.v_self_cost.warehouse_id is 'Warehouse.';
comment on column costpulse.v_self_cost.cost_usd is
'Cost of its statements, and the idle part on days on which nobody else used the warehouse.';
comment on column costpulse.v_self_cost.executions is 'Its statements.';
