-- Teams, rules, and what every dollar was allocated to.

create table costpulse.teams (
    id bigint generated always as identity primary key,
    name text not null check (btrim(name) <> '' and length(name) <= 80),
    department text,
    cost_center text,
    manager_email text,
    tag_patterns jsonb not null default '{}',
    parent_team_id bigint references costpulse.teams (id),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check (parent_team_id is distinct from id)
);
create unique index teams_name on costpulse.teams (lower(name));

create table costpulse.team_members (
    id bigint generated always as identity primary key,
    team_id bigint not null references costpulse.teams (id),
    email text not null check (btrim(email) <> ''),
    role text not null default 'member' check (role in ('owner', 'member')),
    valid_from date,
    valid_to date,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index team_members_email on costpulse.team_members (lower(email));

create table costpulse.allocation_rules (
    id bigint generated always as identity primary key,
    team_id bigint not null references costpulse.teams (id),
    rule_type text not null,
    conditions jsonb not null,
    priority integer not null default 100,
    is_active boolean not null default true,
    valid_from date,
    valid_to date,
    version integer not null default 1,
    note text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- usage_date x key_id x SKU x unit x team x rule x method: the allocation pass.
-- team_id null means Unallocated and nothing else. Cost null means that nothing of it has a price.
create table costpulse.key_allocations (
    usage_date date not null,
    key_id uuid not null,
    sku_name text not null,
    usage_unit text not null,
    team_id bigint,
    rule_id bigint,
    method text not null check (method in ('rule', 'user', 'tag', 'split', 'unallocated')),
    share numeric(38, 18) not null check (share <> 'NaN' and share between 0 and 1),
    usage_quantity numeric(38, 18) not null check (usage_quantity <> 'NaN'),
    unpriced_quantity numeric(38, 18) not null check (unpriced_quantity <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    record_count bigint not null,
    check ((team_id is null) = (method = 'unallocated'))
);
create unique index key_allocations_grain on costpulse.key_allocations
    (usage_date, key_id, sku_name, usage_unit, team_id, rule_id, method) nulls not distinct;

-- usage_date x team x rule x method x workspace x SKU x product: sums of key_allocations
create table costpulse.cost_allocations (
    id bigint generated always as identity primary key,
    usage_date date not null,
    period_start date generated always as (usage_date) stored,
    period_end date generated always as (usage_date) stored,
    team_id bigint,
    rule_id bigint,
    method text not null check (method in ('rule', 'user', 'tag', 'split', 'unallocated')),
    workspace_id text,
    sku_name text not null,
    product text not null,
    total_cost numeric(38, 18) check (total_cost <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    breakdown jsonb not null,
    check ((team_id is null) = (method = 'unallocated'))
);
create unique index cost_allocations_grain on costpulse.cost_allocations
    (usage_date, team_id, rule_id, method, workspace_id, sku_name, product) nulls not distinct;
create index cost_allocations_team on costpulse.cost_allocations (team_id, usage_date);
