-- What is collected from the source, and the books kept about collecting it.

-- one row per workspace ever seen; a vanished workspace keeps its row
create table costpulse.workspaces (
    id bigint generated always as identity primary key,
    workspace_id text not null unique,
    name text,
    host text,
    cloud text,
    region text,
    status text,
    plan text,
    account_id text,
    host_source text,
    cloud_source text,
    region_source text,
    plan_source text,
    created_at timestamptz,
    first_seen_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- one row per price window of the source; validity is half-open
create table costpulse.list_prices (
    cloud text not null,
    sku_name text not null,
    usage_unit text not null,
    currency_code text not null,
    price_start_time timestamptz not null,
    price_end_time timestamptz,
    default_rate numeric(38, 18) check (default_rate <> 'NaN'),
    effective_rate numeric(38, 18) check (effective_rate <> 'NaN'),
    account_id text,
    first_seen_at timestamptz not null default now(),
    primary key (cloud, sku_name, usage_unit, currency_code, price_start_time),
    check (price_end_time is null or price_end_time > price_start_time)
);

-- discounts and contract rates typed by people; valid_from inclusive, valid_to exclusive, UTC days
create table costpulse.price_adjustments (
    id bigint generated always as identity primary key,
    sku_pattern text not null check (btrim(sku_pattern) <> ''),
    percentage numeric(9, 6) check (percentage <> 'NaN' and percentage between -100 and 100),
    fixed_rate numeric(38, 18) check (fixed_rate <> 'NaN' and fixed_rate between 0 and 1000000),
    valid_from date not null,
    valid_to date,
    note text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check (num_nonnulls(percentage, fixed_rate) = 1),
    check (valid_to is null or valid_to > valid_from)
);

-- Patterns typed by people are case-insensitive globs, anchored at both ends: only * is special, everything else
-- is literal, and an empty pattern matches nothing.
create function costpulse.matches_glob(value text, pattern text) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog
as $body$
    select
        pattern <> ''
        and lower(value) like replace(
            replace(replace(replace(lower(pattern), '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'
        )
$body$;

-- The customer's rate for a list rate on a day, and the adjustment that made it. The longest literal part of a
-- pattern wins, then the lowest id. A SKU without a list price has a rate only where a fixed one was typed.
create function costpulse.price_in_force(sku_name text, usage_date date, list_rate numeric)
returns table (effective_rate numeric, price_adjustment_id bigint)
language sql stable parallel safe
set search_path = pg_catalog
as $body$
    select
        case
            when a.id is null then list_rate
            when a.fixed_rate is not null then a.fixed_rate
            else round(list_rate * (1 + a.percentage / 100), 18)
        end as effective_rate,
        a.id as price_adjustment_id
    from (select 1) as always
    left join lateral (
        select
            j.id,
            j.percentage,
            j.fixed_rate
        from costpulse.price_adjustments as j
        where
            price_in_force.usage_date >= j.valid_from
            and (j.valid_to is null or price_in_force.usage_date < j.valid_to)
            and costpulse.matches_glob(price_in_force.sku_name, j.sku_pattern)
        order by length(replace(j.sku_pattern, '*', '')) desc, j.id
        limit 1
    ) as a on true
$body$;

-- one row per distinct combination of what cost can be attributed by; key_id is the hash of these columns
-- (job_name is the newest name seen, not part of the hash)
create table costpulse.cost_keys (
    key_id uuid primary key,
    account_id text,
    workspace_id text,
    product text not null,
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
    tags jsonb not null default '{}',
    first_usage_date date not null,
    last_usage_date date not null
);

-- What a key stands for never changes: two combinations under one key_id must stop the load that brings the second.
-- A trigger sees only keys that are known already; checking every loaded row took as long as inserting its key.
create function costpulse.refuse_ambiguous_key() returns trigger
language plpgsql
set search_path = pg_catalog
as $body$
begin
    raise exception 'two different attribution keys have one key_id (%)', old.key_id
        using errcode = 'integrity_constraint_violation';
end
$body$;

create trigger refuse_ambiguous_key before update on costpulse.cost_keys
for each row when (
    (
        old.account_id, old.workspace_id, old.product, old.usage_type, old.is_serverless, old.cluster_id,
        old.warehouse_id, old.job_id, old.pipeline_id, old.endpoint_name, old.resource_type, old.resource_id,
        old.user_email, old.user_source, old.tags
    ) is distinct from (
        new.account_id, new.workspace_id, new.product, new.usage_type, new.is_serverless, new.cluster_id,
        new.warehouse_id, new.job_id, new.pipeline_id, new.endpoint_name, new.resource_type, new.resource_id,
        new.user_email, new.user_source, new.tags
    )
)
execute function costpulse.refuse_ambiguous_key();

-- one row per usage_date x ingestion_date x record_type x attribution key x SKU x unit x list rate.
-- Money is made here, once: round(quantity * rate, 18). No primary key: a unique index would make replacing a
-- day in a compressed chunk some thirty times slower; the load checks the grain in its own transaction.
create table costpulse.cost_records (
    usage_date date not null,
    ingestion_date date not null,
    record_type text not null,
    key_id uuid not null,
    account_id text,
    workspace_id text,
    cloud text,
    sku_name text not null,
    product text not null,
    usage_type text,
    is_serverless boolean,
    usage_unit text not null,
    usage_quantity numeric(38, 18) not null
        check (usage_quantity <> 'NaN' and usage_quantity between -1e14 and 1e14),
    dbu_count numeric(38, 18) generated always as (case when usage_unit = 'DBU' then usage_quantity end) stored,
    dbu_rate numeric(38, 18) check (dbu_rate <> 'NaN' and dbu_rate between 0 and 1000000),
    list_cost_usd numeric(38, 18) generated always as (round(usage_quantity * dbu_rate, 18)) stored,
    effective_rate numeric(38, 18) check (effective_rate <> 'NaN' and effective_rate between 0 and 2000000),
    price_adjustment_id bigint,
    cost_usd numeric(38, 18) generated always as (round(usage_quantity * effective_rate, 18)) stored,
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
    tags jsonb not null default '{}',
    record_count bigint not null check (record_count > 0)
);
create index cost_records_date_workspace on costpulse.cost_records (usage_date, workspace_id);
create index cost_records_date_sku on costpulse.cost_records (usage_date, sku_name);
create index cost_records_user_date on costpulse.cost_records (user_email, usage_date);

-- source x usage_date: what the source said about the day when it was last collected
create table costpulse.collected_days (
    source text not null,
    usage_date date not null,
    source_rows bigint not null,
    source_quantity numeric not null check (source_quantity <> 'NaN'),
    newest_ingestion_date date,
    record_count bigint not null,
    rejected_count bigint not null default 0,
    in_flight boolean not null default false,
    recollect_reason text,
    reprice_reason text,
    collected_at timestamptz not null,
    changed_at timestamptz not null,
    primary key (source, usage_date)
);
create index collected_days_changed on costpulse.collected_days (changed_at);

-- append-only: what was in of a day each time it was loaded; the evidence of the arrival curve
create table costpulse.collection_log (
    id bigint generated always as identity primary key,
    source text not null,
    usage_date date not null,
    loaded_at timestamptz not null,
    source_rows bigint not null,
    source_quantity numeric not null check (source_quantity <> 'NaN'),
    cost_usd numeric check (cost_usd <> 'NaN'),
    rejected_count bigint not null default 0,
    in_flight boolean not null default false,
    run_id text
);
create index collection_log_day on costpulse.collection_log (usage_date, loaded_at);

-- rows of the source that break a rule: counted, kept, shown, never dropped
create table costpulse.rejected_rows (
    id bigint generated always as identity primary key,
    source text not null,
    usage_date date not null,
    reason text not null,
    record_count bigint not null,
    usage_quantity text,
    row_content jsonb not null,
    rejected_at timestamptz not null default now()
);
create index rejected_rows_day on costpulse.rejected_rows (usage_date);

-- source x connection: how the last attempt to read it went
create table costpulse.collection_status (
    source text not null,
    connection text not null,
    state text not null check (state in ('ok', 'failed', 'not available', 'stopped')),
    message text,
    next_step text,
    attempted_at timestamptz not null,
    succeeded_at timestamptz,
    as_of timestamptz,
    primary key (source, connection)
);

-- usage_date: how much of the day is in, what it will be, and whether it may be judged
create table costpulse.completeness (
    usage_date date primary key,
    cost_usd numeric(38, 18) not null check (cost_usd <> 'NaN'),
    share_in numeric(9, 6) not null check (share_in <> 'NaN' and share_in between 0 and 1),
    expected_cost numeric(38, 18) check (expected_cost <> 'NaN'),
    lower_bound numeric(38, 18) check (lower_bound <> 'NaN'),
    upper_bound numeric(38, 18) check (upper_bound <> 'NaN'),
    is_provisional boolean not null,
    in_until timestamptz,
    basis text not null check (basis in ('hourly_costs', 'collection_log', 'ingestion_date', 'none')),
    computed_at timestamptz not null default now()
);

-- asset x usage_date: which version of its upstream a derived table was built from (changed_at of collected_days,
-- else built_at of the upstream asset)
create table costpulse.built_days (
    asset text not null,
    usage_date date not null,
    upstream_version timestamptz not null,
    built_at timestamptz not null default now(),
    primary key (asset, usage_date)
);
