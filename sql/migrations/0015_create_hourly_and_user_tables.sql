-- The bill by the hour; the identities seen, suggestions for their teams, and how identities are stored.

-- usage_date x UTC hour x workspace x SKU x product x unit x warehouse x list rate; money is made as in cost_records
create table costpulse.hourly_costs (
    usage_date date not null,
    usage_hour smallint not null check (usage_hour between 0 and 23),
    workspace_id text,
    sku_name text not null,
    product text not null,
    usage_unit text not null,
    warehouse_id text,
    dbu_rate numeric(38, 18) check (dbu_rate <> 'NaN' and dbu_rate between 0 and 1000000),
    usage_quantity numeric(38, 18) not null
        check (usage_quantity <> 'NaN' and usage_quantity between -1e14 and 1e14),
    list_cost_usd numeric(38, 18) generated always as (round(usage_quantity * dbu_rate, 18)) stored,
    effective_rate numeric(38, 18) check (effective_rate <> 'NaN' and effective_rate between 0 and 2000000),
    price_adjustment_id bigint,
    cost_usd numeric(38, 18) generated always as (round(usage_quantity * effective_rate, 18)) stored,
    record_count bigint not null check (record_count > 0)
);
create unique index hourly_costs_grain on costpulse.hourly_costs
    (usage_date, usage_hour, workspace_id, sku_name, product, usage_unit, warehouse_id, dbu_rate) nulls not distinct;
create index hourly_costs_warehouse on costpulse.hourly_costs (warehouse_id, usage_date)
where warehouse_id is not null;

comment on table costpulse.hourly_costs is
'One row per usage day, UTC hour, workspace, SKU, product, unit, warehouse and list rate, corrections netted.';
comment on column costpulse.hourly_costs.usage_date is 'UTC day of the usage.';
comment on column costpulse.hourly_costs.usage_hour is
'UTC hour in which the usage starts, 0 to 23; usage billed once a day stands whole in the hour in which it starts.';
comment on column costpulse.hourly_costs.workspace_id is 'Workspace; NULL for account-level usage.';
comment on column costpulse.hourly_costs.sku_name is 'SKU.';
comment on column costpulse.hourly_costs.product is
'billing_origin_product, with _SERVERLESS where the usage is serverless.';
comment on column costpulse.hourly_costs.usage_unit is 'DBU, DSU, GB, ...; never add up different units.';
comment on column costpulse.hourly_costs.warehouse_id is 'SQL warehouse; NULL for everything else.';
comment on column costpulse.hourly_costs.dbu_rate is 'List price per usage unit in force when the usage started.';
comment on column costpulse.hourly_costs.usage_quantity is 'Net quantity in usage_unit.';
comment on column costpulse.hourly_costs.list_cost_usd is 'Quantity times list price; NULL without a price.';
comment on column costpulse.hourly_costs.effective_rate is 'What the customer pays per unit: after adjustments.';
comment on column costpulse.hourly_costs.price_adjustment_id is 'The adjustment that made effective_rate.';
comment on column costpulse.hourly_costs.cost_usd is 'Quantity times effective rate; NULL without one.';
comment on column costpulse.hourly_costs.record_count is 'Rows of the source in this row.';

-- how identities are stored: one row at most, none before the first run
create table costpulse.identity_protection (
    only_row boolean primary key default true check (only_row),
    key_fingerprint text
);

comment on table costpulse.identity_protection is
'One row: whether addresses and principals are stored in clear or hashed, and with which key.';
comment on column costpulse.identity_protection.only_row is 'Always true.';
comment on column costpulse.identity_protection.key_fingerprint is
'Tells one key from another; NULL: identities are stored in clear.';

-- usage_date x identity x workspace x team in the tags: what people cost, so that the keys are not added up every time
create table costpulse.daily_user_costs (
    usage_date date not null,
    user_email text not null,
    workspace_id text,
    team_tag text,
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN')
);
create unique index daily_user_costs_grain on costpulse.daily_user_costs
    (usage_date, user_email, workspace_id, team_tag) nulls not distinct;

comment on table costpulse.daily_user_costs is
'One row per day, identity of the bill, workspace and team in the tags: sums of daily_key_costs.';
comment on column costpulse.daily_user_costs.usage_date is 'UTC day.';
comment on column costpulse.daily_user_costs.user_email is 'Identity as it is spelled in the bill.';
comment on column costpulse.daily_user_costs.workspace_id is 'Workspace; NULL where the bill names none.';
comment on column costpulse.daily_user_costs.team_tag is 'Value of the tag "team", in any case; NULL: none.';
comment on column costpulse.daily_user_costs.cost_usd is 'Cost in USD; NULL where nothing has a price.';

-- identity: everybody who ran, owned or asked something. Spellings of one address that differ in case are one identity.
create table costpulse.users (
    identity text primary key,
    kind text not null check (kind in ('person', 'service principal', 'other')),
    domain text,
    first_seen date not null,
    last_seen date not null,
    workspace_ids text[] not null,
    workspace_names text[] not null,
    cost_usd_90_days numeric(38, 18) check (cost_usd_90_days <> 'NaN'),
    cost_usd_30_days numeric(38, 18) check (cost_usd_30_days <> 'NaN'),
    executions_30_days bigint not null,
    sources text[] not null,
    updated_at timestamptz not null default now(),
    check (last_seen >= first_seen)
);
create unique index users_identity on costpulse.users (lower(identity)) where domain is not null;

comment on table costpulse.users is
'One row per person, service principal or other identity that is named in the bill, ran a query or owns something.';
comment on column costpulse.users.identity is
'As it is spelled in the bill, else where it was seen last. Compare addresses by lower(): case does not tell people '
'apart. A keyed hash where identities are hashed.';
comment on column costpulse.users.kind is
'person: an address; service principal: an application id, or the address of a service account; other: groups, '
'principals of Databricks, and all that is not an address where identities are hashed.';
comment on column costpulse.users.domain is 'What follows the @ of an address, in lower case; NULL without one.';
comment on column costpulse.users.first_seen is 'First UTC day in any of the sources.';
comment on column costpulse.users.last_seen is
'Last UTC day in any of the sources; ownership counts on the day the configuration was last changed.';
comment on column costpulse.users.workspace_ids is 'Workspaces it was seen in, most expensive first.';
comment on column costpulse.users.workspace_names is 'Their names in the same order; the id where there is none.';
comment on column costpulse.users.cost_usd_90_days is
'Cost in USD of the last 90 days up to today; NULL where nothing has a price.';
comment on column costpulse.users.cost_usd_30_days is 'Of that, the last 30 days up to today.';
comment on column costpulse.users.executions_30_days is
'Statements begun in the last 30 days, on warehouses or serverless.';
comment on column costpulse.users.sources is 'Where it was seen: billing, owner, queries.';
comment on column costpulse.users.updated_at is 'When the row was written.';

-- identity x team x evidence: who looks like a member of a team and is in none
create table costpulse.member_suggestions (
    identity text not null,
    team_id bigint,
    team_name text not null,
    evidence text not null check (evidence in ('tag', 'domain', 'workspace')),
    share numeric(7, 6) not null check (share <> 'NaN' and share between 0 and 1),
    cost_usd numeric(38, 18) not null check (cost_usd <> 'NaN'),
    updated_at timestamptz not null default now(),
    primary key (identity, team_name, evidence)
);

comment on table costpulse.member_suggestions is
'One row per identity that is in no team, team it seems to belong to, and evidence; of the last 90 days.';
comment on column costpulse.member_suggestions.identity is 'See users.';
comment on column costpulse.member_suggestions.team_id is
'The team; NULL: tags name it, but there is no such team yet.';
comment on column costpulse.member_suggestions.team_name is
'Name of the team, else its most expensive spelling in tags.';
comment on column costpulse.member_suggestions.evidence is
'tag: what the identity runs carries the team in a tag; domain: most people of its e-mail domain are members; '
'workspace: it works where the members of that team make most of the cost.';
comment on column costpulse.member_suggestions.share is
'Strength of the evidence, 0.6 to 1: share of the identity''s cost (tag, workspace), or of the people of the '
'domain who are members (domain).';
comment on column costpulse.member_suggestions.cost_usd is
'Cost of the identity that speaks for it; for a domain, all of its cost.';
comment on column costpulse.member_suggestions.updated_at is 'When the row was written.';
