-- What was known when: daily_costs with every earlier state of it, day by day since the day it was first collected.

-- known_from x usage_date x team x workspace x SKU x product x unit; only what has changed has a new row
create table costpulse.known_costs (
    usage_date date not null,
    workspace_id text,
    sku_name text not null,
    product text not null,
    usage_unit text not null,
    team_id bigint,
    known_from date not null,
    known_to date,
    usage_quantity numeric(38, 18) not null check (usage_quantity <> 'NaN'),
    unpriced_quantity numeric(38, 18) not null check (unpriced_quantity <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    check (known_to > known_from)
);
create unique index known_costs_grain on costpulse.known_costs
    (usage_date, team_id, sku_name, workspace_id, product, usage_unit, known_from) nulls not distinct;

-- usage_date: since when known_costs say what was known of it
create table costpulse.known_days (
    usage_date date primary key,
    known_since date not null,
    known_until date not null,
    check (known_until >= known_since)
);

-- The bill line by line with the day it was ingested on: for who may read cost_records, and for the app where it shows
-- all teams. The condition is one for the whole statement, no row is looked at where it does not hold.
create view costpulse.ingested_costs as
select
    r.usage_date,
    r.ingestion_date,
    r.key_id,
    r.sku_name,
    r.usage_unit,
    r.usage_quantity,
    r.effective_rate,
    r.list_cost_usd,
    r.cost_usd,
    r.record_count
from costpulse.cost_records as r
where
    has_table_privilege('costpulse.cost_records', 'select')
    or (select current_setting('costpulse.scope', true)) = 'all';

-- Names of workspaces have a first and a last day from now on, like those of other resources; what they were called
-- before was not kept.
insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from)
select
    w.workspace_id,
    'workspace' as resource_type,
    w.workspace_id as resource_id,
    w.name,
    current_date as valid_from
from costpulse.workspaces as w
where w.name is not null;

comment on table costpulse.known_costs is
'One row per usage day, team, workspace, SKU, product and unit, and span of UTC days at whose end daily_costs said so. '
'Rows without known_to are daily_costs.';
comment on column costpulse.known_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.known_costs.workspace_id is 'Workspace; NULL for account-level usage.';
comment on column costpulse.known_costs.sku_name is 'SKU.';
comment on column costpulse.known_costs.product is 'Product; _SERVERLESS marks serverless compute.';
comment on column costpulse.known_costs.usage_unit is 'Unit of the quantity.';
comment on column costpulse.known_costs.team_id is 'Team; NULL: Unallocated.';
comment on column costpulse.known_costs.known_from is
'First UTC day at whose end it was known; what changes twice on a day has the last of it.';
comment on column costpulse.known_costs.known_to is 'First UTC day at whose end it no longer held; NULL: it holds.';
comment on column costpulse.known_costs.usage_quantity is 'Quantity.';
comment on column costpulse.known_costs.unpriced_quantity is 'The part of it that had no price.';
comment on column costpulse.known_costs.list_cost_usd is
'Cost at the list prices then known, in USD; NULL where nothing of it had a price.';
comment on column costpulse.known_costs.cost_usd is
'Cost in USD at the customer''s price then known; NULL where nothing of it had a price.';
comment on table costpulse.known_days is
'One row per usage day: since when known_costs has what was known of it.';
comment on column costpulse.known_days.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.known_days.known_since is
'UTC day on which it was first kept; what was shown before is not known.';
comment on column costpulse.known_days.known_until is
'UTC day on which its rows were last compared with daily_costs; nothing is written for a day before it.';
comment on view costpulse.ingested_costs is
'The bill by day of ingestion, at the prices of the present. No row for a viewer of some teams only.';
comment on column costpulse.ingested_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.ingested_costs.ingestion_date is 'Day (UTC) on which Databricks recorded it.';
comment on column costpulse.ingested_costs.key_id is 'Attribution key, see cost_keys.';
comment on column costpulse.ingested_costs.sku_name is 'SKU.';
comment on column costpulse.ingested_costs.usage_unit is 'Unit of the quantity.';
comment on column costpulse.ingested_costs.usage_quantity is 'Quantity.';
comment on column costpulse.ingested_costs.effective_rate is 'Price of a unit in USD; NULL: there is none.';
comment on column costpulse.ingested_costs.list_cost_usd is 'Cost at list prices in USD.';
comment on column costpulse.ingested_costs.cost_usd is 'Cost in USD at the customer''s price.';
comment on column costpulse.ingested_costs.record_count is 'Lines of the bill that it is the sum of.';
comment on table costpulse.resource_names is
'One row per name a cluster, warehouse, job, pipeline, endpoint or workspace had: the one it had last on each day.';
comment on column costpulse.resource_names.resource_type is
'cluster, warehouse, job, pipeline, endpoint or workspace.';
comment on column costpulse.resource_names.valid_from is
'First day (UTC) of the name, of a workspace the day it was first seen; usage before the first known name goes by '
'that one.';
comment on table costpulse.renamed_days is
'One row per usage day on which a cluster, warehouse, job, pipeline, endpoint or workspace of the bill got another '
'name.';

do $$
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on costpulse.known_costs, costpulse.known_days, costpulse.ingested_costs to costpulse_app;
    alter table costpulse.known_costs enable row level security;
    create policy team_scope on costpulse.known_costs for select to costpulse_app
    using (
        (select current_setting('costpulse.scope', true) = 'all')
        or team_id = any((
            select string_to_array(nullif(current_setting('costpulse.scope', true), 'all'), ',')::bigint[]
        )::bigint[])
    );
    create policy everything on costpulse.known_costs for select to costpulse_auditor using (true);
end
$$;
