-- Which tags cost must carry, and how much of it does.

-- one row per required tag; people edit it. Days that were judged by another policy are judged again.
create table costpulse.tag_policies (
    id bigint generated always as identity primary key,
    tag_key text not null check (btrim(tag_key) <> '' and length(tag_key) <= 255),
    aliases text[] not null default '{}',
    keys_case_sensitive boolean not null default false,
    required boolean not null default true,
    resource_types text[] not null default '{cluster,warehouse,job,pipeline,endpoint,other}' check (
        resource_types <@ '{cluster,warehouse,job,pipeline,endpoint,other}'::text[]
        and cardinality(resource_types) > 0
    ),
    allowed_values text[] not null default '{}',
    case_sensitive boolean not null default false,
    overrides jsonb not null default '[]' check (jsonb_typeof(overrides) = 'array'),
    valid_from date,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create unique index tag_policies_key on costpulse.tag_policies (lower(tag_key));

comment on table costpulse.tag_policies is
'What people decided about tags: one row per key that cost must carry. Changes are in audit_log.';
comment on column costpulse.tag_policies.id is 'Number of the policy.';
comment on column costpulse.tag_policies.tag_key is 'The key as it should be written.';
comment on column costpulse.tag_policies.aliases is 'Other keys that count as this one, the first before the others.';
comment on column costpulse.tag_policies.keys_case_sensitive is
'Whether a tag must be spelled exactly as the key or an alias; false: Team is team.';
comment on column costpulse.tag_policies.required is 'False: the key is not asked for and not judged.';
comment on column costpulse.tag_policies.resource_types is 'Kinds of resources that it is required for.';
comment on column costpulse.tag_policies.allowed_values is
'Globs (only * is special), any of which a value must match; empty: every value that is not blank.';
comment on column costpulse.tag_policies.case_sensitive is 'Whether values must be written as in allowed_values.';
comment on column costpulse.tag_policies.overrides is
'List of scope_type (workspace, team with the teams below it), scope_id, and what is otherwise there: required, '
'allowed_values (NULL: as everywhere).';
comment on column costpulse.tag_policies.valid_from is 'First usage day (UTC) that is judged by it. NULL: all.';
comment on column costpulse.tag_policies.version is
'Counts the changes, so that nobody overwrites what they did not see.';
comment on column costpulse.tag_policies.created_at is 'When it was made.';
comment on column costpulse.tag_policies.updated_at is 'When it was changed last.';

-- what costpulse_assets.allocation.tag_policies.DEFAULT_TAG_POLICIES says
insert into costpulse.tag_policies (tag_key, aliases)
values
('cost_center', '{cost-center,costcenter}'),
('environment', '{env}'),
('project', '{}'),
('team', '{}');

-- usage_date: when what a day is judged by last changed
create table costpulse.tag_changed_days (
    usage_date date primary key,
    changed_at timestamptz not null
);

comment on table costpulse.tag_changed_days is
'One row per usage day whose tags must be judged again: a policy, or a tag that its cost inherits, has changed.';
comment on column costpulse.tag_changed_days.usage_date is 'UTC day of the usage.';
comment on column costpulse.tag_changed_days.changed_at is 'When it last changed.';

-- A changed policy concerns the last 90 collected days; older ones stay as they were judged.
create function costpulse.mark_days_for_tags() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $body$
begin
    insert into costpulse.tag_changed_days as known (usage_date, changed_at)
    select
        d.usage_date,
        clock_timestamp()
    from costpulse.collected_days as d
    where
        d.source = 'cost_records'
        and d.usage_date > (
            select max(n.usage_date) - 90
            from costpulse.collected_days as n
            where n.source = 'cost_records'
        )
    order by d.usage_date
    on conflict (usage_date) do update set changed_at = excluded.changed_at;
    return null;
end
$body$;

create trigger audit after insert or update or delete on costpulse.tag_policies
for each row execute function costpulse.audit_change();
create trigger mark_days after insert or update or delete on costpulse.tag_policies
for each row execute function costpulse.mark_days_for_tags();

-- resource: its tags and its owner, as cost without a tag of its own inherits them
create table costpulse.resource_tags (
    workspace_id text not null,
    resource_type text not null check (resource_type in ('cluster', 'warehouse', 'job', 'pipeline', 'endpoint')),
    resource_id text not null,
    tags jsonb not null,
    owner text,
    changed_at timestamptz not null,
    primary key (workspace_id, resource_type, resource_id)
);

comment on table costpulse.resource_tags is
'One row per cluster, warehouse, job, pipeline and endpoint: the tags that its cost inherits, and whose it is.';
comment on column costpulse.resource_tags.workspace_id is 'Workspace; ids are unique only within it.';
comment on column costpulse.resource_tags.resource_type is 'cluster, warehouse, job, pipeline or endpoint.';
comment on column costpulse.resource_tags.resource_id is 'Id of the resource, of an endpoint its name.';
comment on column costpulse.resource_tags.tags is 'Its newest tags; of an endpoint none are known.';
comment on column costpulse.resource_tags.owner is
'Who owns it, a job or pipeline: who it runs as, an endpoint: who made it.';
comment on column costpulse.resource_tags.changed_at is 'When other tags than before were seen.';

-- usage_date x workspace x team x owner x resource type
create table costpulse.tag_compliance (
    usage_date date not null,
    workspace_id text,
    team_id bigint,
    owner text,
    resource_type text not null
    check (resource_type in ('cluster', 'warehouse', 'job', 'pipeline', 'endpoint', 'other')),
    cost_usd numeric(38, 18) not null check (cost_usd <> 'NaN'),
    taggable_cost_usd numeric(38, 18) not null check (taggable_cost_usd <> 'NaN'),
    compliant_cost_usd numeric(38, 18) not null check (compliant_cost_usd <> 'NaN'),
    untagged_cost_usd numeric(38, 18) not null check (untagged_cost_usd <> 'NaN'),
    incomplete_cost_usd numeric(38, 18) not null check (incomplete_cost_usd <> 'NaN'),
    wrong_value_cost_usd numeric(38, 18) not null check (wrong_value_cost_usd <> 'NaN'),
    exempt_cost_usd numeric(38, 18) not null check (exempt_cost_usd <> 'NaN'),
    not_taggable_cost_usd numeric(38, 18) not null check (not_taggable_cost_usd <> 'NaN'),
    judged_resources bigint not null check (judged_resources >= 0),
    compliant_resources bigint not null check (compliant_resources between 0 and judged_resources),
    check (taggable_cost_usd + not_taggable_cost_usd = cost_usd),
    check (
        compliant_cost_usd + untagged_cost_usd + incomplete_cost_usd + wrong_value_cost_usd + exempt_cost_usd
        = taggable_cost_usd
    )
);
create unique index tag_compliance_grain on costpulse.tag_compliance
    (usage_date, workspace_id, team_id, owner, resource_type) nulls not distinct;

comment on table costpulse.tag_compliance is
'One row per day, workspace, team, owner and kind of resource: how much of the cost carries the required tags. '
'Score: compliant / (taggable - exempt).';
comment on column costpulse.tag_compliance.usage_date is 'UTC day of the usage.';
comment on column costpulse.tag_compliance.workspace_id is 'Workspace. NULL: billed to the account.';
comment on column costpulse.tag_compliance.team_id is 'Team that the cost is allocated to. NULL: Unallocated.';
comment on column costpulse.tag_compliance.owner is
'Owner of the resource, else the identity on the bill. NULL: nobody is known.';
comment on column costpulse.tag_compliance.resource_type is 'cluster, warehouse, job, pipeline, endpoint or other.';
comment on column costpulse.tag_compliance.cost_usd is 'All cost; what has no price counts as 0.';
comment on column costpulse.tag_compliance.taggable_cost_usd is 'Cost of what can carry tags.';
comment on column costpulse.tag_compliance.compliant_cost_usd is 'Every required key has an allowed value.';
comment on column costpulse.tag_compliance.untagged_cost_usd is 'No required key has a value.';
comment on column costpulse.tag_compliance.incomplete_cost_usd is
'Some required keys have allowed values, the others none.';
comment on column costpulse.tag_compliance.wrong_value_cost_usd is
'A required key has a value that is not allowed, or is written in another case.';
comment on column costpulse.tag_compliance.exempt_cost_usd is 'It can carry tags, and no policy requires any.';
comment on column costpulse.tag_compliance.not_taggable_cost_usd is
'Nobody can tag it: billed to the account, network, storage, what Databricks runs by itself.';
comment on column costpulse.tag_compliance.judged_resources is
'Distinct resources of the day that tags are required of; each is counted once, at the team and owner with most of '
'its cost, so that sums are right.';
comment on column costpulse.tag_compliance.compliant_resources is
'Those of them without any cost that is not compliant.';

-- usage_date x workspace x team x owner x resource type x tag key
create table costpulse.tag_key_compliance (
    usage_date date not null,
    workspace_id text,
    team_id bigint,
    owner text,
    resource_type text not null
    check (resource_type in ('cluster', 'warehouse', 'job', 'pipeline', 'endpoint', 'other')),
    tag_key text not null,
    cost_usd numeric(38, 18) not null check (cost_usd <> 'NaN'),
    valid_cost_usd numeric(38, 18) not null check (valid_cost_usd <> 'NaN'),
    inherited_cost_usd numeric(38, 18) not null check (inherited_cost_usd <> 'NaN'),
    not_allowed_cost_usd numeric(38, 18) not null check (not_allowed_cost_usd <> 'NaN'),
    wrong_case_cost_usd numeric(38, 18) not null check (wrong_case_cost_usd <> 'NaN'),
    blank_cost_usd numeric(38, 18) not null check (blank_cost_usd <> 'NaN'),
    missing_cost_usd numeric(38, 18) not null check (missing_cost_usd <> 'NaN'),
    not_required_cost_usd numeric(38, 18) not null check (not_required_cost_usd <> 'NaN'),
    not_taggable_cost_usd numeric(38, 18) not null check (not_taggable_cost_usd <> 'NaN'),
    check (
        valid_cost_usd + not_allowed_cost_usd + wrong_case_cost_usd + blank_cost_usd + missing_cost_usd
        + not_required_cost_usd + not_taggable_cost_usd = cost_usd
    )
);
create unique index tag_key_compliance_grain on costpulse.tag_key_compliance
    (usage_date, tag_key, workspace_id, team_id, owner, resource_type) nulls not distinct;

comment on table costpulse.tag_key_compliance is
'tag_compliance by tag key: every cost once under every key, so keys are never added up.';
comment on column costpulse.tag_key_compliance.usage_date is 'UTC day of the usage.';
comment on column costpulse.tag_key_compliance.workspace_id is 'Workspace. NULL: billed to the account.';
comment on column costpulse.tag_key_compliance.team_id is 'Team that the cost is allocated to. NULL: Unallocated.';
comment on column costpulse.tag_key_compliance.owner is
'Owner of the resource, else the identity on the bill. NULL: nobody is known.';
comment on column costpulse.tag_key_compliance.resource_type is 'cluster, warehouse, job, pipeline, endpoint or other.';
comment on column costpulse.tag_key_compliance.tag_key is 'Key of the policy; aliases count under it.';
comment on column costpulse.tag_key_compliance.cost_usd is 'All cost; what has no price counts as 0.';
comment on column costpulse.tag_key_compliance.valid_cost_usd is 'The key has an allowed value.';
comment on column costpulse.tag_key_compliance.inherited_cost_usd is
'The part of valid_cost_usd whose value is a tag of the job, pipeline, warehouse or cluster, not on the bill.';
comment on column costpulse.tag_key_compliance.not_allowed_cost_usd is 'Its value matches nothing that is allowed.';
comment on column costpulse.tag_key_compliance.wrong_case_cost_usd is 'Its value is only allowed in another case.';
comment on column costpulse.tag_key_compliance.blank_cost_usd is 'The key is there without a value.';
comment on column costpulse.tag_key_compliance.missing_cost_usd is 'The key is not there.';
comment on column costpulse.tag_key_compliance.not_required_cost_usd is 'The key is not required there and not judged.';
comment on column costpulse.tag_key_compliance.not_taggable_cost_usd is 'Nobody can tag it.';

-- workspace x resource that lacks tags
create table costpulse.tag_violations (
    workspace_id text not null,
    resource_type text not null
    check (resource_type in ('cluster', 'warehouse', 'job', 'pipeline', 'endpoint', 'other')),
    resource_kind text not null,
    resource_id text not null,
    resource_name text not null,
    team_id bigint,
    owner text,
    missing_keys text[] not null,
    blank_keys text[] not null,
    wrong_values jsonb not null check (jsonb_typeof(wrong_values) = 'array'),
    cost_usd numeric(38, 18) not null check (cost_usd <> 'NaN'),
    violating_cost_usd numeric(38, 18) not null check (violating_cost_usd <> 'NaN'),
    last_violation_on date not null,
    from_date date not null,
    to_date date not null,
    updated_at timestamptz not null default now(),
    primary key (workspace_id, resource_type, resource_kind, resource_id),
    check (cardinality(missing_keys) + cardinality(blank_keys) + jsonb_array_length(wrong_values) > 0)
);

comment on table costpulse.tag_violations is
'One row per resource whose newest final day lacks required tags: what is wrong, whose it is, what it cost in the last '
'30 final days. Made anew by every run; what was put right is not in it.';
comment on column costpulse.tag_violations.workspace_id is 'Workspace; ids are unique only within it.';
comment on column costpulse.tag_violations.resource_type is 'cluster, warehouse, job, pipeline, endpoint or other.';
comment on column costpulse.tag_violations.resource_kind is
'The same, of other: notebook, app, database_instance ..., or product where the bill names no resource.';
comment on column costpulse.tag_violations.resource_id is 'Id of the resource, of an endpoint its name.';
comment on column costpulse.tag_violations.resource_name is 'Its present name, else the id.';
comment on column costpulse.tag_violations.team_id is
'Team with most of its cost of the 30 days. NULL: Unallocated has most.';
comment on column costpulse.tag_violations.owner is
'Owner of the resource, else the identity with most of its cost. NULL: nobody is known.';
comment on column costpulse.tag_violations.missing_keys is 'Required keys that some of its newest cost does not have.';
comment on column costpulse.tag_violations.blank_keys is 'Required keys without a value.';
comment on column costpulse.tag_violations.wrong_values is
'List of key, value, verdict (not allowed, wrong case) and allowed: the patterns it should match.';
comment on column costpulse.tag_violations.cost_usd is 'All its cost of the last 30 final days.';
comment on column costpulse.tag_violations.violating_cost_usd is 'The part of it that was not compliant.';
comment on column costpulse.tag_violations.last_violation_on is 'Its newest final usage day.';
comment on column costpulse.tag_violations.from_date is 'First of the 30 days.';
comment on column costpulse.tag_violations.to_date is 'Last of the 30 days: the last final day.';
comment on column costpulse.tag_violations.updated_at is 'When the row was written.';

-- as in 0005, and what tags are judged by
create or replace view costpulse.day_versions with (security_invoker = true) as
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
select
    'resource_tags' as upstream,
    t.usage_date,
    t.changed_at as version
from costpulse.tag_changed_days as t
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

comment on column costpulse.day_versions.upstream is
'Collected or derived table; allocation_rules for teams, members, rules and splits; resource_names for names; '
'resource_tags for tag policies and inherited tags.';

do $$
declare
    scoped text;
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
        costpulse.tag_policies, costpulse.tag_changed_days, costpulse.resource_tags, costpulse.tag_compliance,
        costpulse.tag_key_compliance, costpulse.tag_violations
    to costpulse_app;
    grant insert, update, delete on costpulse.tag_policies to costpulse_app;

    -- everybody may know what is required; who may see all teams may change it
    alter table costpulse.tag_policies enable row level security;
    create policy known on costpulse.tag_policies for select to costpulse_app using (true);
    create policy everything on costpulse.tag_policies for select to costpulse_auditor using (true);
    execute format(
        'create policy edited on costpulse.tag_policies to costpulse_app using (%1$s = ''all'') with check (%1$s = ''all'')',
        scope
    );

    alter table costpulse.resource_tags enable row level security;
    execute format(
        'create policy team_scope on costpulse.resource_tags for select to costpulse_app using (%s = ''all'')', scope
    );
    create policy everything on costpulse.resource_tags for select to costpulse_auditor using (true);

    foreach scoped in array array['tag_compliance', 'tag_key_compliance', 'tag_violations'] loop
        execute format('alter table costpulse.%I enable row level security', scoped);
        execute format(
            'create policy team_scope on costpulse.%1$I for select to costpulse_app using (%2$s = ''all'' or '
            'team_id = any ((select string_to_array(nullif(%2$s, ''all''), '','')::bigint[])::bigint[]))',
            scoped, scope
        );
        execute format(
            'create policy everything on costpulse.%I for select to costpulse_auditor using (true)', scoped
        );
    end loop;
end
$$;
