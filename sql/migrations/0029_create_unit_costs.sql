-- What one of something costs: a run, a query, a person who works, an hour of a warehouse.

-- usage_date x unit x workspace x resource
create table costpulse.unit_costs (
    usage_date date not null,
    unit text not null check (
        unit in ('job run', 'successful job run', 'query', 'warehouse hour', 'active user')
    ),
    resource_type text not null check (resource_type in ('account', 'workspace', 'job', 'warehouse')),
    workspace_id text,
    resource_id text,
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    units numeric(20, 6) not null check (units <> 'NaN' and units >= 0)
);
create unique index unit_costs_grain on costpulse.unit_costs
    (usage_date, unit, resource_type, workspace_id, resource_id) nulls not distinct;
create index unit_costs_resource on costpulse.unit_costs (unit, workspace_id, resource_id, usage_date);

comment on table costpulse.unit_costs is
'One row per day, unit and resource: cost and number of units. The cost of one is sum(cost_usd) / sum(units) over any '
'days and resources of one unit; never the mean of daily quotients. Units are not to be added up among themselves.';
comment on column costpulse.unit_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.unit_costs.unit is
'job run: a run that ended that day; successful job run: one that ended well, at the cost of all, failed ones '
'included; query: a statement begun, at the cost of its warehouse, idle time included; warehouse hour: an hour in '
'which it ran; active user: a person on a day.';
comment on column costpulse.unit_costs.resource_type is 'What resource_id is; account: all workspaces together.';
comment on column costpulse.unit_costs.workspace_id is 'Workspace; NULL for the account, and for cost of no workspace.';
comment on column costpulse.unit_costs.resource_id is
'Job or warehouse; NULL for workspaces and the account, and for runs that were submitted without a job.';
comment on column costpulse.unit_costs.cost_usd is
'Cost in USD at the customer''s price; NULL: nothing has a price. Cost of runs is billed, or apportioned by time '
'where they shared a cluster or warehouse.';
comment on column costpulse.unit_costs.units is 'Number of units; 0 on a day with cost alone.';

do $$
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on costpulse.unit_costs to costpulse_app;
    alter table costpulse.unit_costs enable row level security;
    -- like the tables it is made from, it knows no teams
    create policy team_scope on costpulse.unit_costs for select to costpulse_app
    using ((select current_setting('costpulse.scope', true) = 'all'));
    create policy everything on costpulse.unit_costs for select to costpulse_auditor using (true);
end
$$;
