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
    updated_at timestamptz not null default now(),
    check (valid_to > valid_from)
);
create index team_members_email on costpulse.team_members (lower(btrim(email)));

-- what a team owns directly; the lowest priority goes first, ties by id
create table costpulse.allocation_rules (
    id bigint generated always as identity primary key,
    name text not null check (btrim(name) <> '' and length(name) <= 120),
    team_id bigint not null references costpulse.teams (id),
    rule_type text not null,
    conditions jsonb not null,
    priority integer not null default 100 check (priority between 0 and 1000000),
    is_active boolean not null default true,
    valid_from date,
    valid_to date,
    version integer not null default 1,
    note text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check (valid_to > valid_from)
);
create unique index allocation_rules_name on costpulse.allocation_rules (lower(name));

-- a selection of cost that several teams share
create table costpulse.cost_splits (
    id bigint generated always as identity primary key,
    name text not null check (btrim(name) <> '' and length(name) <= 120),
    rule_type text not null,
    conditions jsonb not null,
    basis text not null check (basis in ('fixed', 'even', 'direct_spend', 'query_share', 'weights')),
    idle text not null default 'share' check (idle in ('share', 'leave')),
    priority integer not null default 100 check (priority between 0 and 1000000),
    is_active boolean not null default true,
    valid_from date,
    valid_to date,
    version integer not null default 1,
    note text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check (valid_to > valid_from)
);
create unique index cost_splits_name on costpulse.cost_splits (lower(name));

-- who shares: percentages (fixed), uploaded weights with validity (weights), or only the names (weight null)
create table costpulse.split_weights (
    id bigint generated always as identity primary key,
    split_id bigint not null references costpulse.cost_splits (id) on delete cascade,
    team_id bigint not null references costpulse.teams (id),
    weight numeric(38, 18) check (weight <> 'NaN' and weight >= 0),
    valid_from date,
    valid_to date,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check (valid_to > valid_from)
);
create index split_weights_split on costpulse.split_weights (split_id);

-- append-only: every version of what decides the allocation, and the days that a change concerns
create table costpulse.rule_versions (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('team', 'member', 'rule', 'split', 'weight')),
    object_id bigint not null,
    version integer not null,
    action text not null check (action in ('insert', 'update', 'delete')),
    content jsonb not null,
    concerns daterange not null,
    actor text not null,
    changed_at timestamptz not null default clock_timestamp()
);
create index rule_versions_object on costpulse.rule_versions (kind, object_id, version);
create index rule_versions_changed on costpulse.rule_versions (changed_at) where not isempty(concerns);

-- Regular expressions typed by people: for the whole value, without regard to case; an empty one matches nothing.
create function costpulse.matches_regex(value text, pattern text) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog
as $body$
    select pattern <> '' and value ~* ('^(?:' || pattern || ')$')
$body$;

-- The days on which a row of a rule table counts: teams count by their tag patterns, others while they are active.
create function costpulse.days_of_rule(rule jsonb) returns daterange
language sql immutable parallel safe
set search_path = pg_catalog
as $body$
    select
        case
            when rule is null or rule ->> 'is_active' = 'false' or rule -> 'tag_patterns' = '{}' then 'empty'::daterange
            else daterange((rule ->> 'valid_from')::date, (rule ->> 'valid_to')::date)
        end
$body$;

-- What of a row decides who gets which cost, beside the days on which it counts.
create function costpulse.deciding_part_of_rule(rule jsonb) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog
as $body$
    select
        rule - array[
            'name', 'department', 'cost_center', 'manager_email', 'parent_team_id', 'role', 'note', 'version',
            'is_active', 'valid_from', 'valid_to', 'created_at', 'updated_at'
        ]
$body$;

-- A change has a time, and of rules and splits a version.
create function costpulse.stamp_rule_change() returns trigger
language plpgsql
set search_path = pg_catalog
as $body$
begin
    if tg_table_name in ('allocation_rules', 'cost_splits') then
        new.version := old.version + 1;
    end if;
    new.updated_at := now();
    return new;
end
$body$;

create trigger stamp before update on costpulse.teams
for each row when (old.* is distinct from new.*) execute function costpulse.stamp_rule_change();
create trigger stamp before update on costpulse.team_members
for each row when (old.* is distinct from new.*) execute function costpulse.stamp_rule_change();
create trigger stamp before update on costpulse.allocation_rules
for each row when (old.* is distinct from new.*) execute function costpulse.stamp_rule_change();
create trigger stamp before update on costpulse.cost_splits
for each row when (old.* is distinct from new.*) execute function costpulse.stamp_rule_change();
create trigger stamp before update on costpulse.split_weights
for each row when (old.* is distinct from new.*) execute function costpulse.stamp_rule_change();

-- Other shares make another version of their split: one for a transaction, however many shares it changes.
create function costpulse.stamp_split_of_share() returns trigger
language plpgsql
set search_path = pg_catalog
as $body$
begin
    update costpulse.cost_splits
    set updated_at = now()
    where id in (old.split_id, new.split_id) and updated_at <> now();
    return null;
end
$body$;

create trigger stamp_split after insert or update or delete on costpulse.split_weights
for each row execute function costpulse.stamp_split_of_share();

-- At the end of the transaction that changes the rules: the version that it leaves, and the days that it concerns.
-- The lock is held shared by whoever allocates cost (RULES_LOCK): no rule changes while it is read, and a change is
-- always younger than what was built without it. It is taken this late so that nobody waits for a person who types.
create function costpulse.record_rule_version() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $body$
declare
    kind_of_rule text := tg_argv[0];
    before_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    after_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    row_content jsonb := coalesce(after_row, before_row);
    rule_id bigint := (row_content ->> 'id')::bigint;
    days_before daterange := costpulse.days_of_rule(before_row);
    days_after daterange := costpulse.days_of_rule(after_row);
    days_concerned daterange;
    rule_version integer;
begin
    if before_row = after_row then
        return null;
    end if;
    perform pg_advisory_xact_lock(7205741002);

    if costpulse.deciding_part_of_rule(before_row) = costpulse.deciding_part_of_rule(after_row) then
        days_concerned := range_merge(
            (datemultirange(days_before) + datemultirange(days_after))
            - (datemultirange(days_before) * datemultirange(days_after))
        );
    else
        days_concerned := range_merge(days_before, days_after);
    end if;
    if kind_of_rule = 'weight' then
        -- the days on which the split itself began or ceased to count are concerned by its own version
        days_concerned := days_concerned * coalesce(
            (
                select costpulse.days_of_rule(to_jsonb(s))
                from costpulse.cost_splits as s
                where s.id = (row_content ->> 'split_id')::bigint
            ),
            'empty'
        );
    end if;
    if kind_of_rule = 'split' then
        row_content := row_content || jsonb_build_object(
            'shares',
            coalesce(
                (
                    select
                        jsonb_agg(
                            jsonb_build_object(
                                'team_id', w.team_id, 'weight', w.weight,
                                'valid_from', w.valid_from, 'valid_to', w.valid_to
                            )
                            order by w.team_id, w.valid_from
                        )
                    from costpulse.split_weights as w
                    where w.split_id = rule_id
                ),
                '[]'
            )
        );
    end if;

    if tg_op = 'DELETE' or not row_content ? 'version' then
        select coalesce(max(v.version), 0) + 1
        into rule_version
        from costpulse.rule_versions as v
        where v.kind = kind_of_rule and v.object_id = rule_id;
    else
        rule_version := (row_content ->> 'version')::integer;
    end if;
    insert into costpulse.rule_versions (kind, object_id, version, action, content, concerns, actor)
    values (
        kind_of_rule, rule_id, rule_version, lower(tg_op), row_content, days_concerned,
        coalesce(nullif(current_setting('costpulse.actor', true), ''), 'pipeline')
    );
    return null;
end
$body$;

create constraint trigger record_version after insert or update or delete on costpulse.teams
deferrable initially deferred for each row execute function costpulse.record_rule_version('team');
create constraint trigger record_version after insert or update or delete on costpulse.team_members
deferrable initially deferred for each row execute function costpulse.record_rule_version('member');
create constraint trigger record_version after insert or update or delete on costpulse.allocation_rules
deferrable initially deferred for each row execute function costpulse.record_rule_version('rule');
create constraint trigger record_version after insert or update or delete on costpulse.cost_splits
deferrable initially deferred for each row execute function costpulse.record_rule_version('split');
create constraint trigger record_version after insert or update or delete on costpulse.split_weights
deferrable initially deferred for each row execute function costpulse.record_rule_version('weight');

-- A person is in one team at a time, also when two people write at once: who comes second sees the first one's row.
create function costpulse.refuse_second_membership() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $body$
declare
    refusal text;
begin
    perform pg_advisory_xact_lock(7205741002);
    select format('%s would be in two teams at once (%s and %s)', m.email, t.name, s.name)
    into refusal
    from costpulse.team_members as m
    inner join costpulse.teams as t on m.team_id = t.id
    inner join costpulse.team_members as o
        on
            lower(btrim(m.email)) = lower(btrim(o.email))
            and m.id <> o.id
            and daterange(m.valid_from, m.valid_to) && daterange(o.valid_from, o.valid_to)
    inner join costpulse.teams as s on o.team_id = s.id
    where m.id = new.id
    limit 1;
    if refusal is not null then
        raise exception '%', refusal using errcode = 'exclusion_violation';
    end if;
    return null;
end
$body$;

create constraint trigger one_team_at_a_time after insert or update on costpulse.team_members
deferrable initially deferred for each row execute function costpulse.refuse_second_membership();

-- No team is above itself.
create function costpulse.refuse_circle_of_teams() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $body$
declare
    is_circle boolean;
begin
    perform pg_advisory_xact_lock(7205741002);
    with recursive parents as (
        select t.parent_team_id as id
        from costpulse.teams as t
        where t.id = new.id
        union
        select t.parent_team_id as id
        from parents as p
        inner join costpulse.teams as t on p.id = t.id
    )

    select exists (select from parents as p where p.id = new.id) into is_circle;
    if is_circle then
        raise exception 'team % would be above itself', new.name using errcode = 'check_violation';
    end if;
    return null;
end
$body$;

create constraint trigger no_circle after insert or update of parent_team_id on costpulse.teams
deferrable initially deferred for each row execute function costpulse.refuse_circle_of_teams();

-- usage_date x key_id x SKU x unit x team x rule x method: the allocation pass.
-- team_id null means Unallocated and nothing else. Cost null means that nothing of it has a price.
create table costpulse.key_allocations (
    usage_date date not null,
    key_id uuid not null,
    sku_name text not null,
    usage_unit text not null,
    team_id bigint,
    rule_id bigint,
    rule_version integer,
    split_id bigint,
    split_version integer,
    method text not null check (method in ('rule', 'user', 'tag', 'split', 'unallocated')),
    share numeric(38, 18) not null check (share <> 'NaN' and share between 0 and 1),
    usage_quantity numeric(38, 18) not null check (usage_quantity <> 'NaN'),
    unpriced_quantity numeric(38, 18) not null check (unpriced_quantity <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    record_count bigint not null,
    check ((team_id is null) = (method = 'unallocated')),
    check ((rule_id is not null) = (method = 'rule')),
    check ((split_id is not null) = (method = 'split'))
);
create unique index key_allocations_grain on costpulse.key_allocations
    (usage_date, key_id, sku_name, usage_unit, team_id, rule_id, split_id, method) nulls not distinct;

-- usage_date x team x rule x method x workspace x SKU x product: sums of key_allocations
create table costpulse.cost_allocations (
    id bigint generated always as identity primary key,
    usage_date date not null,
    period_start date generated always as (usage_date) stored,
    period_end date generated always as (usage_date) stored,
    team_id bigint,
    rule_id bigint,
    split_id bigint,
    method text not null check (method in ('rule', 'user', 'tag', 'split', 'unallocated')),
    workspace_id text,
    sku_name text not null,
    product text not null,
    total_cost numeric(38, 18) check (total_cost <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    breakdown jsonb not null,
    check ((team_id is null) = (method = 'unallocated')),
    check ((rule_id is not null) = (method = 'rule')),
    check ((split_id is not null) = (method = 'split'))
);
create unique index cost_allocations_grain on costpulse.cost_allocations
    (usage_date, team_id, rule_id, split_id, method, workspace_id, sku_name, product) nulls not distinct;
create index cost_allocations_team on costpulse.cost_allocations (team_id, usage_date);
