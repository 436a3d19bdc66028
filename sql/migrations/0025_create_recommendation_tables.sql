-- What to do about the cost, what that would save, and what people decided about it; prices of virtual machines.

-- type x workspace x resource
create table costpulse.recommendations (
    id bigint generated always as identity primary key,
    type text not null,
    workspace_id text,
    resource_type text not null check (resource_type in ('cluster', 'warehouse', 'job', 'pipeline', 'endpoint')),
    resource_id text not null,
    resource_name text,
    bearer_type text not null check (bearer_type in ('cluster', 'warehouse', 'job', 'pipeline', 'endpoint')),
    bearer_id text not null,
    acts_on text not null check (acts_on in ('idle time', 'size', 'price', 'failures', 'existence')),
    severity text not null default 'low' check (severity in ('critical', 'high', 'medium', 'low')),
    title text not null,
    team_id bigint,
    person text,
    estimated_savings numeric(38, 18) not null default 0
    check (estimated_savings <> 'NaN' and estimated_savings >= 0),
    standalone_savings numeric(38, 18) not null check (standalone_savings <> 'NaN' and standalone_savings > 0),
    resource_cost_usd numeric(38, 18) not null check (resource_cost_usd <> 'NaN'),
    wasted_usd numeric(38, 18) check (wasted_usd <> 'NaN' and wasted_usd >= 0),
    vm_savings numeric(38, 18) check (vm_savings <> 'NaN' and vm_savings >= 0),
    vm_savings_source text check (vm_savings_source in ('user', 'estimate')),
    confidence text not null check (confidence in ('high', 'medium', 'low')),
    confidence_reason text not null,
    evidence jsonb not null,
    calculation text not null,
    setting text,
    setting_from text,
    setting_to text,
    command text,
    window_first date not null,
    window_last date not null,
    found_first_at timestamptz not null,
    found_at timestamptz not null,
    gone_at timestamptz,
    status text not null default 'open' check (status in ('open', 'accepted', 'done', 'dismissed', 'expired')),
    status_reason text,
    dismissed_until date,
    dismissed_savings numeric(38, 18) check (dismissed_savings <> 'NaN'),
    assigned_to text,
    due_date date,
    done_on date,
    note text,
    decided_by text,
    decided_at timestamptz,
    check (standalone_savings <= resource_cost_usd),
    check ((vm_savings is null) = (vm_savings_source is null)),
    check (setting is not null or (setting_from is null and setting_to is null)),
    check (window_last >= window_first),
    check (status <> 'dismissed' or (dismissed_savings is not null and status_reason is not null)),
    check ((status = 'done') = (done_on is not null)),
    check (status in ('open', 'expired') or decided_by is not null)
);
create unique index recommendations_key on costpulse.recommendations
    (type, workspace_id, resource_type, resource_id) nulls not distinct;
create index recommendations_bearer on costpulse.recommendations (workspace_id, bearer_type, bearer_id);
create index recommendations_team on costpulse.recommendations (team_id);

comment on table costpulse.recommendations is
'One row per type of advice and resource it is about: what to change, what that would save, what people decided.';
comment on column costpulse.recommendations.id is 'Number; it stays when the same is found again.';
comment on column costpulse.recommendations.type is 'Kind of advice, see docs/recommendations.md.';
comment on column costpulse.recommendations.workspace_id is 'Workspace; NULL: of the account.';
comment on column costpulse.recommendations.resource_type is
'What it is about: cluster, warehouse, job, pipeline or endpoint.';
comment on column costpulse.recommendations.resource_id is 'Id of it in its workspace.';
comment on column costpulse.recommendations.resource_name is 'Its name when it was found last.';
comment on column costpulse.recommendations.bearer_type is
'What is billed and would cost less; the resource itself but for a job on an all-purpose cluster.';
comment on column costpulse.recommendations.bearer_id is 'Id of what is billed, in the same workspace.';
comment on column costpulse.recommendations.acts_on is
'What of the cost it lowers: two types that act on the same of one billed resource save only once.';
comment on column costpulse.recommendations.severity is
'critical, high, medium or low: estimated_savings, and its share of resource_cost_usd.';
comment on column costpulse.recommendations.title is 'What to do, in one sentence.';
comment on column costpulse.recommendations.team_id is
'Team that most of the cost of what is billed was allocated to, in the window; NULL: most of it is unallocated.';
comment on column costpulse.recommendations.person is 'Owner of the resource, or whom it runs as; NULL: not known.';
comment on column costpulse.recommendations.estimated_savings is
'USD per 30 days that it adds to what the other open and accepted ones on what is billed save: these add up. '
'In any other status: what it was when it was counted last.';
comment on column costpulse.recommendations.standalone_savings is
'USD per 30 days if nothing but this is done; these do not add up.';
comment on column costpulse.recommendations.resource_cost_usd is 'Cost of what is billed in the window, in USD.';
comment on column costpulse.recommendations.wasted_usd is
'USD of the window''s cost that brought nothing and is gone; no rate, never added to savings. NULL: not meant.';
comment on column costpulse.recommendations.vm_savings is
'USD per 30 days that the cloud provider would charge less, at vm_prices; not in the other savings. NULL: no price, '
'or a pool may keep the machines.';
comment on column costpulse.recommendations.vm_savings_source is
'user: at prices that were loaded; estimate: at prices shipped with CostPulse.';
comment on column costpulse.recommendations.confidence is 'high, medium or low: how sure the saving is.';
comment on column costpulse.recommendations.confidence_reason is 'Why, in one sentence.';
comment on column costpulse.recommendations.evidence is 'The figures it rests on, by name; docs/recommendations.md.';
comment on column costpulse.recommendations.calculation is 'The formula of standalone_savings with the numbers put in.';
comment on column costpulse.recommendations.setting is 'Setting to change; NULL: it is not a setting.';
comment on column costpulse.recommendations.setting_from is 'Its present value.';
comment on column costpulse.recommendations.setting_to is 'The value to give it.';
comment on column costpulse.recommendations.command is 'What makes the change; CostPulse never runs it.';
comment on column costpulse.recommendations.window_first is 'First day (UTC) of the cost it rests on.';
comment on column costpulse.recommendations.window_last is 'Last day (UTC) of the cost it rests on.';
comment on column costpulse.recommendations.found_first_at is 'When it was found first.';
comment on column costpulse.recommendations.found_at is
'The run that it has its figures from; the same for all rows of a run.';
comment on column costpulse.recommendations.gone_at is
'Since when it is not found any more; NULL: the newest run found it.';
comment on column costpulse.recommendations.status is
'open; accepted: will be done; done; dismissed: not wanted; expired: there is nothing to do any more.';
comment on column costpulse.recommendations.status_reason is 'Why it has its status: by the person, else by the run.';
comment on column costpulse.recommendations.dismissed_until is
'Day (UTC) after which a dismissed one comes back if it is still found; NULL: no day.';
comment on column costpulse.recommendations.dismissed_savings is
'standalone_savings when it was dismissed: at twice as much it comes back.';
comment on column costpulse.recommendations.assigned_to is 'Who does it.';
comment on column costpulse.recommendations.due_date is 'By when (UTC day).';
comment on column costpulse.recommendations.done_on is 'Day (UTC) of the change; only while it is done.';
comment on column costpulse.recommendations.note is 'What people wrote about it.';
comment on column costpulse.recommendations.decided_by is 'Who set the status; pipeline where no person did.';
comment on column costpulse.recommendations.decided_at is 'When the status was set.';

-- What the pipeline finds is not a change by a person; what anybody decides is written down.
create trigger audit after update on costpulse.recommendations
for each row when (
    (old.status, old.status_reason, old.dismissed_until, old.assigned_to, old.due_date, old.done_on, old.note)
    is distinct from (
        new.status, new.status_reason, new.dismissed_until, new.assigned_to, new.due_date, new.done_on, new.note
    )
) execute function costpulse.audit_change();

-- source x cloud x region x node type x first day
create table costpulse.vm_prices (
    cloud text not null check (cloud in ('AWS', 'AZURE', 'GCP')),
    region text check (region <> ''),
    node_type text not null check (node_type <> ''),
    usd_per_hour numeric(38, 18) not null check (usd_per_hour <> 'NaN' and usd_per_hour between 0 and 10000),
    source text not null check (source in ('user', 'estimate')),
    valid_from date not null
);
create unique index vm_prices_key on costpulse.vm_prices
    (node_type, cloud, region, source, valid_from) nulls not distinct;

comment on table costpulse.vm_prices is
'One row per source, cloud, region, node type and first day: what the cloud provider charges for a machine.';
comment on column costpulse.vm_prices.cloud is 'AWS, AZURE or GCP.';
comment on column costpulse.vm_prices.region is 'Region of the cloud provider; NULL: every region.';
comment on column costpulse.vm_prices.node_type is 'Name of the machine at the cloud provider.';
comment on column costpulse.vm_prices.usd_per_hour is 'USD per hour of one machine, without Databricks.';
comment on column costpulse.vm_prices.source is
'user: from the file that COSTPULSE_VM_PRICES names; estimate: shipped with CostPulse, about list price.';
comment on column costpulse.vm_prices.valid_from is 'First day (UTC) of the price, until a newer one begins.';

-- What a machine costs an hour on a day: a price of the user's before an estimate, one of the region before one of
-- every region, then the newest. No row where none is known.
create function costpulse.vm_price_in_force(cloud text, region text, node_type text, day date)
returns table (usd_per_hour numeric, source text)
language sql stable parallel safe
set search_path = pg_catalog
as $body$
    select
        p.usd_per_hour,
        p.source
    from costpulse.vm_prices as p
    where
        p.node_type = vm_price_in_force.node_type
        and p.cloud = upper(vm_price_in_force.cloud)
        and (p.region is null or p.region = vm_price_in_force.region)
        and p.valid_from <= vm_price_in_force.day
    order by (p.source = 'user') desc, p.region nulls last, p.valid_from desc
    limit 1
$body$;

-- resource that was deleted at its source
create view costpulse.deleted_resources with (security_invoker = true) as
select
    c.workspace_id,
    'cluster' as resource_type,
    c.cluster_id as resource_id
from costpulse.clusters as c
where c.delete_time is not null
union all
select
    w.workspace_id,
    'warehouse' as resource_type,
    w.warehouse_id as resource_id
from costpulse.warehouses as w
where w.delete_time is not null
union all
select
    j.workspace_id,
    'job' as resource_type,
    j.job_id as resource_id
from costpulse.jobs as j
where j.delete_time is not null
union all
select
    p.workspace_id,
    'pipeline' as resource_type,
    p.pipeline_id as resource_id
from costpulse.pipelines as p
where p.delete_time is not null
union all
select
    e.workspace_id,
    'endpoint' as resource_type,
    e.endpoint_name as resource_id
from costpulse.serving_endpoints as e
where e.delete_time is not null;

comment on view costpulse.deleted_resources is 'One row per resource that does not exist any more.';
comment on column costpulse.deleted_resources.workspace_id is 'Workspace.';
comment on column costpulse.deleted_resources.resource_type is 'Kind of resource, as in recommendations.';
comment on column costpulse.deleted_resources.resource_id is 'Id of it in its workspace.';

create aggregate costpulse.product(numeric) (sfunc = numeric_mul, stype = numeric, initcond = '1'); -- noqa: LT01

-- Shares what the open and accepted recommendations on a billed resource save together among them, so that they add
-- up to no more than it costs. One type about several resources (jobs of one cluster) saves the sum of them; of several
-- types that act on the same, the one that saves most counts; what acts on different things multiplies. With C the cost
-- and s the saving of each thing that is acted on, C * (1 - product(1 - s / C)) is saved. The largest first: each
-- gets what it lowers the cost further by. Every product is exact and each step is rounded once, at 18 digits.
-- A row that the newest run did not give its figures to counts again from the next run on.
create function costpulse.combine_recommendations() returns void
language sql
security definer
set search_path = pg_catalog
as $body$
    with newest as (
        select
            r.id,
            r.workspace_id,
            r.bearer_type,
            r.bearer_id,
            r.acts_on,
            r.type,
            r.resource_type,
            r.resource_id,
            case when n.is_newest then r.standalone_savings else 0 end as saving,
            case when n.is_newest then r.resource_cost_usd end as resource_cost_usd
        from costpulse.recommendations as r
        cross join lateral (
            select r.found_at = (select max(o.found_at) from costpulse.recommendations as o) as is_newest
        ) as n
        where r.status in ('open', 'accepted')
    ),

    of_types as (
        select
            n.*,
            max(n.resource_cost_usd) over bearer as cost,
            sum(n.saving) over of_type as of_type,
            sum(n.saving) over (
                of_type order by n.saving desc, n.resource_type, n.resource_id rows unbounded preceding
            ) as up_to_here
        from newest as n
        window
            bearer as (partition by n.workspace_id, n.bearer_type, n.bearer_id),
            of_type as (partition by n.workspace_id, n.bearer_type, n.bearer_id, n.acts_on, n.type)
    ),

    -- all rows of one thing that is acted on, those of the type that counts first
    placed as (
        select
            o.*,
            first_value(o.type) over best_first as best_type,
            first_value(least(o.of_type, o.cost)) over best_first as together,
            row_number() over best_first as place
        from of_types as o
        window best_first as (
            partition by o.workspace_id, o.bearer_type, o.bearer_id, o.acts_on
            order by o.of_type desc, o.type, o.up_to_here, o.id
        )
    ),

    after_larger as (
        select
            p.*,
            coalesce(
                costpulse.product(case when p.place = 1 then p.cost - p.together else 1 end) over larger, 1
            ) as left_over,
            coalesce(costpulse.product(case when p.place = 1 then p.cost else 1 end) over larger, 1) as whole
        from placed as p
        window larger as (
            partition by p.workspace_id, p.bearer_type, p.bearer_id
            order by p.together desc, p.best_type, p.acts_on
            groups between unbounded preceding and 1 preceding
        )
    ),

    parts as (
        select
            a.id,
            case
                when a.type = a.best_type and a.saving > 0
                    then
                        round(a.left_over * greatest(a.cost - a.up_to_here + a.saving, 0) / a.whole, 18)
                        - round(a.left_over * greatest(a.cost - a.up_to_here, 0) / a.whole, 18)
                else 0
            end as part
        from after_larger as a
    )

    update costpulse.recommendations as r
    set estimated_savings = p.part
    from parts as p
    where r.id = p.id and r.estimated_savings <> p.part
$body$;
revoke execute on function costpulse.combine_recommendations() from public;

do $$
declare
    scope text := '(select current_setting(''costpulse.scope'', true))';
    seen text := format(
        '%1$s = ''all'' or team_id = any ((select string_to_array(nullif(%1$s, ''all''), '','')::bigint[])::bigint[])',
        scope
    );
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on costpulse.recommendations, costpulse.vm_prices to costpulse_app;
    grant update (
        status, status_reason, dismissed_until, dismissed_savings, assigned_to, due_date, done_on, note, decided_by,
        decided_at
    ) on costpulse.recommendations to costpulse_app;
    grant execute on function costpulse.combine_recommendations() to costpulse_app;
    alter table costpulse.recommendations enable row level security;
    execute format('create policy team_scope on costpulse.recommendations for select to costpulse_app using (%s)', seen);
    execute format(
        'create policy team_scope_update on costpulse.recommendations for update to costpulse_app '
        'using (%1$s) with check (%1$s)', seen
    );
    create policy everything on costpulse.recommendations for select to costpulse_auditor using (true);
end
$$;
