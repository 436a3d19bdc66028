-- Who may do what in the app, what people keep for themselves there, and what they write on days.

-- one row per person or group that may use the app
create table costpulse.viewers (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('email', 'group')),
    name text not null check (name = btrim(name) and length(name) between 1 and 200),
    role text not null check (role in ('viewer', 'team_owner', 'finops', 'admin')),
    team_ids bigint[] check (cardinality(team_ids) > 0),
    updated_at timestamptz not null default now(),
    -- Who changes what everybody sees must see it.
    check (team_ids is null or role in ('viewer', 'team_owner'))
);
create unique index viewers_name on costpulse.viewers (kind, lower(name));

-- one row per view that a person keeps
create table costpulse.saved_views (
    id bigint generated always as identity primary key,
    slug text not null unique check (slug ~ '^[a-z0-9]{10}$'),
    name text not null check (name = btrim(name) and length(name) between 1 and 80),
    page text not null check (page ~ '^[a-z]*$'),
    query text not null check (length(query) <= 4000),
    owner text not null,
    is_shared boolean not null default false,
    updated_at timestamptz not null default now()
);
create unique index saved_views_name on costpulse.saved_views (owner, page, lower(name));

-- one row per remark on a usage day
create table costpulse.annotations (
    id bigint generated always as identity primary key,
    usage_date date not null,
    note text not null check (note = btrim(note) and length(note) between 1 and 200),
    team_id bigint references costpulse.teams (id) on delete cascade,
    author text not null,
    updated_at timestamptz not null default now()
);
create index annotations_usage_date on costpulse.annotations (usage_date);

create trigger audit after insert or update or delete on costpulse.viewers
for each row execute function costpulse.audit_change();
create trigger audit after insert or update or delete on costpulse.saved_views
for each row execute function costpulse.audit_change();
create trigger audit after insert or update or delete on costpulse.annotations
for each row execute function costpulse.audit_change();

comment on table costpulse.viewers is
'One row per person or group that may use the app where people sign in; several that fit one person add up.';
comment on column costpulse.viewers.id is 'Number of the row.';
comment on column costpulse.viewers.kind is 'email: one person; group: everybody whose sign-in names the group.';
comment on column costpulse.viewers.name is 'The e-mail address or the group, compared without case.';
comment on column costpulse.viewers.role is 'viewer, team_owner, finops or admin: each may do what the one before may.';
comment on column costpulse.viewers.team_ids is
'Teams whose money is seen, each with the teams below it; a team that is gone gives none. NULL: everything.';
comment on column costpulse.viewers.updated_at is 'When it was saved last; two who edit at once are told apart by it.';
comment on table costpulse.saved_views is 'One row per view of a page that a person keeps under a name.';
comment on column costpulse.saved_views.id is 'Number of the view.';
comment on column costpulse.saved_views.slug is 'What links name it by.';
comment on column costpulse.saved_views.name is 'What people call it.';
comment on column costpulse.saved_views.page is 'Path of the page; empty: Overview.';
comment on column costpulse.saved_views.query is 'The query of the link that shows it.';
comment on column costpulse.saved_views.owner is 'Whose it is.';
comment on column costpulse.saved_views.is_shared is 'Everybody may open it.';
comment on column costpulse.saved_views.updated_at is 'When it was saved last.';
comment on table costpulse.annotations is 'One row per remark on a usage day, drawn on the charts of that day.';
comment on column costpulse.annotations.id is 'Number of the remark.';
comment on column costpulse.annotations.usage_date is 'The UTC day.';
comment on column costpulse.annotations.note is 'What happened.';
comment on column costpulse.annotations.team_id is 'The team it is about; NULL: everybody.';
comment on column costpulse.annotations.author is 'Who wrote it.';
comment on column costpulse.annotations.updated_at is 'When it was saved last.';

do $$
declare
    scope text := '(select current_setting(''costpulse.scope'', true))';
    actor text := '(select current_setting(''costpulse.actor'', true))';
    own_team text := 'team_id = any ((select string_to_array('
    'nullif(current_setting(''costpulse.scope'', true), ''all''), '','')::bigint[])::bigint[])';
    seen text := format('%1$s = ''all'' or team_id is null or %2$s', scope, own_team);
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select, insert, update, delete on costpulse.viewers to costpulse_app;
    -- Whose a view is, and for which page, stays; a remark is written or taken away, never changed.
    grant select, insert, delete on costpulse.saved_views, costpulse.annotations to costpulse_app;
    grant update (name, query, is_shared, updated_at) on costpulse.saved_views to costpulse_app;
    alter table costpulse.viewers enable row level security;
    alter table costpulse.saved_views enable row level security;
    alter table costpulse.annotations enable row level security;
    -- Who may do what is asked before it is known who asks, in the scope of everything; nobody with less may look.
    execute format(
        'create policy team_scope on costpulse.viewers to costpulse_app using (%1$s = ''all'') with check (%1$s = ''all'')',
        scope
    );
    execute format(
        'create policy own_or_shared on costpulse.saved_views for select to costpulse_app '
        'using (is_shared or owner = %1$s)', actor
    );
    -- Shared is for all: who shares, or changes what others share, sees everything.
    execute format(
        'create policy kept on costpulse.saved_views for insert to costpulse_app '
        'with check (owner = %2$s and (not is_shared or %1$s = ''all''))', scope, actor
    );
    execute format(
        'create policy changed on costpulse.saved_views for update to costpulse_app '
        'using (owner = %2$s or is_shared and %1$s = ''all'') '
        'with check (owner = %2$s and not is_shared or is_shared and %1$s = ''all'')', scope, actor
    );
    execute format(
        'create policy deleted on costpulse.saved_views for delete to costpulse_app '
        'using (owner = %2$s or is_shared and %1$s = ''all'')', scope, actor
    );
    execute format('create policy team_scope on costpulse.annotations for select to costpulse_app using (%s)', seen);
    execute format(
        'create policy written on costpulse.annotations for insert to costpulse_app '
        'with check (author = %2$s and (%1$s = ''all'' or %3$s))', scope, actor, own_team
    );
    execute format(
        'create policy deleted on costpulse.annotations for delete to costpulse_app '
        'using (%1$s = ''all'' or author = %2$s and %3$s)', scope, actor, own_team
    );
    create policy everything on costpulse.viewers for select to costpulse_auditor using (true);
    create policy everything on costpulse.saved_views for select to costpulse_auditor using (true);
    create policy everything on costpulse.annotations for select to costpulse_auditor using (true);
end
$$;
