-- The books about tables that are collected region by region, and the names resources had.

-- source x connection x usage_date: when a day was last read over a connection, and whether more can still come
create table costpulse.collected_region_days (
    source text not null,
    connection text not null,
    usage_date date not null,
    row_count bigint not null check (row_count >= 0),
    is_settled boolean not null,
    collected_at timestamptz not null default clock_timestamp(),
    primary key (source, connection, usage_date)
);
create index collected_region_days_version on costpulse.collected_region_days (source, usage_date, collected_at);

comment on table costpulse.collected_region_days is
'One row per daily table, connection and usage day: when the day was last read there.';
comment on column costpulse.collected_region_days.source is 'Table the rows went to.';
comment on column costpulse.collected_region_days.connection is 'Connection they came over.';
comment on column costpulse.collected_region_days.usage_date is 'UTC day of the rows.';
comment on column costpulse.collected_region_days.row_count is 'Rows of the day from this connection.';
comment on column costpulse.collected_region_days.is_settled is
'The day was old enough when it was read that no more is expected; it is not read again by itself.';
comment on column costpulse.collected_region_days.collected_at is 'When it was last read.';

-- workspace x type x id x valid_from: what a resource was called; valid_from inclusive, valid_to exclusive, UTC days
create table costpulse.resource_names (
    workspace_id text not null,
    resource_type text not null,
    resource_id text not null,
    name text,
    valid_from date not null,
    valid_to date,
    primary key (workspace_id, resource_type, resource_id, valid_from),
    check (valid_to is null or valid_to > valid_from)
);

comment on table costpulse.resource_names is
'One row per name a cluster, warehouse, job, pipeline or endpoint had: the one it had last on each day.';
comment on column costpulse.resource_names.workspace_id is 'Workspace; ids are unique only within it.';
comment on column costpulse.resource_names.resource_type is 'cluster, warehouse, job, pipeline or endpoint.';
comment on column costpulse.resource_names.resource_id is 'Databricks'' id of the resource.';
comment on column costpulse.resource_names.name is 'Its name from valid_from on; NULL where it had none.';
comment on column costpulse.resource_names.valid_from is
'First day (UTC) of the name; usage before the first known name goes by that one.';
comment on column costpulse.resource_names.valid_to is 'First day it was no longer called so; NULL: its present name.';

-- usage_date: when a name that counts on the day last changed
create table costpulse.renamed_days (
    usage_date date primary key,
    changed_at timestamptz not null
);

comment on table costpulse.renamed_days is
'One row per usage day on which a cluster, warehouse, job, pipeline or endpoint of the bill got another name.';
comment on column costpulse.renamed_days.usage_date is 'UTC day of the usage.';
comment on column costpulse.renamed_days.changed_at is 'When the other name became known.';

-- upstream x usage_date: the version of a day of each table that others are built from
create view costpulse.day_versions with (security_invoker = true) as
select
    d.source as upstream,
    d.usage_date,
    d.changed_at as version
from costpulse.collected_days as d
union all
select
    r.source as upstream,
    r.usage_date,
    max(r.collected_at) as version
from costpulse.collected_region_days as r
group by r.source, r.usage_date
union all
select
    b.asset as upstream,
    b.usage_date,
    b.built_at as version
from costpulse.built_days as b
union all
select
    'resource_names' as upstream,
    n.usage_date,
    n.changed_at as version
from costpulse.renamed_days as n
union all
-- the rules: as of the last change that concerns the day, found from the newest one on
select
    'allocation_rules' as upstream,
    d.usage_date,
    v.changed_at as version
from costpulse.collected_days as d
cross join lateral (
    select r.changed_at
    from costpulse.rule_versions as r
    where not isempty(r.concerns) and r.concerns @> d.usage_date
    order by r.changed_at desc
    limit 1
) as v
where d.source = 'cost_records';

comment on view costpulse.day_versions is
'One row per table and usage day: the version of the day; who was built from another one is built again.';
comment on column costpulse.day_versions.upstream is
'Collected or derived table; allocation_rules for teams, members, rules and splits; resource_names for names.';
comment on column costpulse.day_versions.usage_date is 'UTC day.';
comment on column costpulse.day_versions.version is 'When the day last changed.';
