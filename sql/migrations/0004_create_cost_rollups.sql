-- What the pages read. All of a day's roll-ups are replaced in one transaction.

-- usage_date x workspace x SKU x product x unit x team
create table costpulse.daily_costs (
    usage_date date not null,
    workspace_id text,
    sku_name text not null,
    product text not null,
    usage_unit text not null,
    team_id bigint,
    usage_quantity numeric(38, 18) not null check (usage_quantity <> 'NaN'),
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    unpriced_quantity numeric(38, 18) not null check (unpriced_quantity <> 'NaN'),
    record_count bigint not null
);
create unique index daily_costs_grain on costpulse.daily_costs
    (usage_date, workspace_id, sku_name, product, usage_unit, team_id) nulls not distinct;
create index daily_costs_team on costpulse.daily_costs (team_id, usage_date);
-- A year of one workspace or SKU is a small part of the table: by index it is read in a quarter of the time.
create index daily_costs_workspace on costpulse.daily_costs (workspace_id, usage_date);
create index daily_costs_sku on costpulse.daily_costs (sku_name, usage_date);

-- usage_date x key_id x SKU x unit x team: for views by user, job, cluster, warehouse, pipeline, endpoint and tag
create table costpulse.daily_key_costs (
    usage_date date not null,
    key_id uuid not null,
    sku_name text not null,
    usage_unit text not null,
    team_id bigint,
    usage_quantity numeric(38, 18) not null check (usage_quantity <> 'NaN'),
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    unpriced_quantity numeric(38, 18) not null check (unpriced_quantity <> 'NaN'),
    record_count bigint not null
);
create unique index daily_key_costs_grain on costpulse.daily_key_costs
    (usage_date, key_id, sku_name, usage_unit, team_id) nulls not distinct;
create index daily_key_costs_key on costpulse.daily_key_costs (key_id, usage_date);

-- week (its Monday) x key_id x SKU x unit x team: daily_key_costs for the whole weeks of long windows
create table costpulse.weekly_key_costs (
    week date not null check (extract(isodow from week) = 1),
    key_id uuid not null,
    sku_name text not null,
    usage_unit text not null,
    team_id bigint,
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    unpriced_quantity numeric(38, 18) not null check (unpriced_quantity <> 'NaN'),
    record_count bigint not null
);
create unique index weekly_key_costs_grain on costpulse.weekly_key_costs
    (week, key_id, sku_name, usage_unit, team_id) nulls not distinct;

-- Smaller roll-ups of daily_costs for long windows, same measures, fewer dimensions.

-- usage_date x team x product
create table costpulse.daily_team_costs (
    usage_date date not null,
    team_id bigint,
    product text not null,
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    record_count bigint not null
);
create unique index daily_team_costs_grain on costpulse.daily_team_costs
    (usage_date, team_id, product) nulls not distinct;

-- usage_date x workspace x product
create table costpulse.daily_workspace_costs (
    usage_date date not null,
    workspace_id text,
    product text not null,
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    record_count bigint not null
);
create unique index daily_workspace_costs_grain on costpulse.daily_workspace_costs
    (usage_date, workspace_id, product) nulls not distinct;

-- usage_date x SKU x unit
create table costpulse.daily_sku_costs (
    usage_date date not null,
    sku_name text not null,
    product text not null,
    usage_unit text not null,
    usage_quantity numeric(38, 18) not null check (usage_quantity <> 'NaN'),
    dbu_count numeric(38, 18) check (dbu_count <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    unpriced_quantity numeric(38, 18) not null check (unpriced_quantity <> 'NaN'),
    record_count bigint not null
);
create unique index daily_sku_costs_grain on costpulse.daily_sku_costs
    (usage_date, sku_name, product, usage_unit) nulls not distinct;
