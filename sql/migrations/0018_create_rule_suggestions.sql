-- Who could own what has no owner, and what the app needs to explain a cost.

-- one row per proposal; all of them are made anew by every run
create table costpulse.rule_suggestions (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('tag pattern', 'member', 'rule')),
    evidence text not null check (evidence in ('team name', 'same team before', 'job owner')),
    reason text not null,
    team_name text not null,
    is_new_team boolean not null,
    document jsonb not null,
    yaml_line text not null,
    unallocated_usd numeric(38, 18) not null check (unallocated_usd <> 'NaN' and unallocated_usd > 0),
    moved_usd numeric(38, 18) not null check (moved_usd <> 'NaN'),
    from_date date not null,
    to_date date not null,
    updated_at timestamptz not null default now(),
    check (to_date >= from_date)
);

comment on table costpulse.rule_suggestions is
'One row per tag pattern, member or rule that would find an owner for unallocated cost of the last 30 days.';
comment on column costpulse.rule_suggestions.id is 'Number of the suggestion, new with every run.';
comment on column costpulse.rule_suggestions.kind is
'What it adds: a tag pattern or a member to the team, or a rule for it.';
comment on column costpulse.rule_suggestions.evidence is
'team name: a tag names the team; same team before: most of what carries the same value belongs to the team already; '
'job owner: the jobs run as members of the team, or were made by them.';
comment on column costpulse.rule_suggestions.reason is 'Why this team, in words.';
comment on column costpulse.rule_suggestions.team_name is 'The team that would get it.';
comment on column costpulse.rule_suggestions.is_new_team is 'There is no such team yet; accepting makes it.';
comment on column costpulse.rule_suggestions.document is
'The rule as a document, or the team with nothing but what is added.';
comment on column costpulse.rule_suggestions.yaml_line is
'The line for the YAML file: a new rule, or the team as it would be.';
comment on column costpulse.rule_suggestions.unallocated_usd is 'Unallocated cost of the days that it would claim.';
comment on column costpulse.rule_suggestions.moved_usd is 'Cost of the days that it would take from other teams.';
comment on column costpulse.rule_suggestions.from_date is 'First day (UTC) of the cost.';
comment on column costpulse.rule_suggestions.to_date is 'Last day (UTC) of the cost.';
comment on column costpulse.rule_suggestions.updated_at is 'When the row was written.';

-- usage_date x key_id x SKU x unit x cloud x list rate x effective rate: at which prices a cost was made. The app may
-- not read cost_records: here it finds those of the teams it may see, without who or what they are.
create view costpulse.key_prices with (security_barrier = true) as
select
    r.usage_date,
    r.key_id,
    r.sku_name,
    r.usage_unit,
    r.cloud,
    r.dbu_rate,
    r.effective_rate,
    r.price_adjustment_id,
    sum(r.usage_quantity) as usage_quantity,
    sum(r.list_cost_usd) as list_cost_usd,
    sum(r.cost_usd) as cost_usd
from costpulse.cost_records as r
where
    current_user <> 'costpulse_app'
    or current_setting('costpulse.scope', true) = 'all'
    or exists (
        select from costpulse.key_allocations as a
        where
            a.usage_date = r.usage_date
            and a.key_id = r.key_id
            and a.team_id = any(
                string_to_array(nullif(current_setting('costpulse.scope', true), 'all'), ',')::bigint[]
            )
    )
group by
    r.usage_date, r.key_id, r.sku_name, r.usage_unit, r.cloud, r.dbu_rate, r.effective_rate, r.price_adjustment_id;

comment on view costpulse.key_prices is
'One row per usage day, attribution key, SKU, unit, cloud and rates: at which prices a cost was made.';
comment on column costpulse.key_prices.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.key_prices.key_id is 'Attribution key, see cost_keys.';
comment on column costpulse.key_prices.sku_name is 'SKU.';
comment on column costpulse.key_prices.usage_unit is 'Unit of usage_quantity.';
comment on column costpulse.key_prices.cloud is 'Cloud of the price.';
comment on column costpulse.key_prices.dbu_rate is 'List price per usage unit; NULL: the SKU has none.';
comment on column costpulse.key_prices.effective_rate is 'What the customer pays per unit: after adjustments.';
comment on column costpulse.key_prices.price_adjustment_id is 'The adjustment that made effective_rate.';
comment on column costpulse.key_prices.usage_quantity is 'Net quantity at these rates.';
comment on column costpulse.key_prices.list_cost_usd is 'Its cost at list price.';
comment on column costpulse.key_prices.cost_usd is 'Its cost at the customer''s price.';

do $$
declare
    scope text := '(select current_setting(''costpulse.scope'', true))';
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on
        costpulse.key_allocations, costpulse.key_prices, costpulse.identity_protection
    to costpulse_app;
    alter table costpulse.key_allocations enable row level security;
    execute format(
        'create policy team_scope on costpulse.key_allocations for select to costpulse_app using ('
        '%1$s = ''all'' or team_id = any ((select string_to_array(nullif(%1$s, ''all''), '','')::bigint[])::bigint[]))',
        scope
    );
    create policy everything on costpulse.key_allocations for select to costpulse_auditor using (true);
    -- accepting a suggestion takes it off the list
    grant select, delete on costpulse.rule_suggestions to costpulse_app;
    alter table costpulse.rule_suggestions enable row level security;
    execute format(
        'create policy team_scope on costpulse.rule_suggestions to costpulse_app using (%s = ''all'')', scope
    );
    create policy everything on costpulse.rule_suggestions for select to costpulse_auditor using (true);
end
$$;
