-- What alerts watch and whom they tell, what they found, and every message on its way.

alter table costpulse.alerts
add column scope_type text not null default 'everything'
check (scope_type in ('everything', 'team', 'workspace', 'product', 'sku', 'job', 'warehouse', 'cluster', 'tag')),
add column scope_id text not null default '' check ((scope_id = '') = (scope_type = 'everything')),
add column options jsonb not null default '{}' check (jsonb_typeof(options) = 'object'),
add column severity text not null default 'warning' check (severity in ('info', 'warning', 'critical')),
add column owner text check (btrim(owner) <> ''),
add column quiet_from time,
add column quiet_until time,
add column muted_until timestamptz,
add column watches_from date not null default (now() at time zone 'UTC')::date,
add column version integer not null default 1,
add column updated_at timestamptz not null default now(),
add check ((quiet_from is null) = (quiet_until is null)),
add check (quiet_from <> quiet_until),
add check (btrim(name) <> '' and length(name) <= 80),
add check (jsonb_typeof(notification_channels) = 'array');

comment on table costpulse.alerts is 'What people want to be told, and where. Changes are in audit_log.';
comment on column costpulse.alerts.id is 'Number of the alert.';
comment on column costpulse.alerts.name is 'What it is called.';
comment on column costpulse.alerts.alert_type is 'Kind of alert, see docs/alerts.md.';
comment on column costpulse.alerts.threshold_value is
'The limit, in the unit of its kind. NULL: that of the kind, or of the budget.';
comment on column costpulse.alerts.notification_channels is
'Array of channels: slack, slack:#channel, email:address, webhook, webhook:name; routed: where the routes lead. Empty: '
'routed.';
comment on column costpulse.alerts.cooldown_minutes is
'Least time between two different findings of one scope; what comes earlier waits.';
comment on column costpulse.alerts.is_active is 'False: it is not evaluated.';
comment on column costpulse.alerts.scope_type is
'What it watches: everything, team (with the teams below it), workspace, product, sku, job, warehouse, cluster, tag.';
comment on column costpulse.alerts.scope_id is
'Empty for everything; id of the team or unallocated, workspace id, product, SKU, workspace id/id of the resource, '
'key=value of the tag.';
comment on column costpulse.alerts.options is 'Further fields of its kind, by name; the others have their default.';
comment on column costpulse.alerts.severity is
'info, warning or critical: decides the route; critical does not wait for quiet hours.';
comment on column costpulse.alerts.owner is 'Whom messages mention: an address, or a member id of Slack.';
comment on column costpulse.alerts.quiet_from is
'Time (UTC) from which what is not critical waits. NULL: there are no quiet hours.';
comment on column costpulse.alerts.quiet_until is
'Time (UTC) until which it waits; before quiet_from: of the next day.';
comment on column costpulse.alerts.muted_until is 'Until when its findings are written down and told to nobody.';
comment on column costpulse.alerts.watches_from is 'UTC day: what came true before it is never told.';
comment on column costpulse.alerts.version is 'Counts the changes, so that nobody overwrites what they did not see.';
comment on column costpulse.alerts.updated_at is 'When it was changed last.';

-- one row per finding: alert x scope x threshold x period or event x phase x reminder
alter table costpulse.alert_history
add column finding_key text not null,
add column alert_type text not null,
add column severity text not null check (severity in ('info', 'warning', 'critical')),
add column scope_type text not null,
add column scope_id text not null,
add column scope_name text not null,
add column team_id bigint,
add column subject text not null,
add column threshold numeric(38, 18) check (threshold <> 'NaN'),
add column phase text not null check (phase in ('firing', 'ended')),
add column reminder integer not null check (reminder >= 0),
add column occurred_on date not null,
add column expected_value numeric(38, 18) check (expected_value <> 'NaN'),
add column evidence jsonb not null,
add column content jsonb not null,
add column ended_at timestamptz,
add column acknowledged_at timestamptz,
add column acknowledged_by text,
add check (status in ('told', 'covered', 'muted', 'shown')),
add check ((acknowledged_at is null) = (acknowledged_by is null)),
add check (phase = 'firing' or ended_at is null);
create unique index alert_history_key on costpulse.alert_history (finding_key);
create index alert_history_scope on costpulse.alert_history (alert_id, scope_type, scope_id, triggered_at);

comment on table costpulse.alert_history is
'One row per finding of an alert; its finding_key is unique, so that nothing is told twice.';
comment on column costpulse.alert_history.id is 'Number of the finding.';
comment on column costpulse.alert_history.alert_id is 'The alert.';
comment on column costpulse.alert_history.triggered_at is 'When it was found.';
comment on column costpulse.alert_history.status is
'told: there are messages in alert_outbox; covered: a higher threshold of the same was told; '
'muted: the alert was muted; shown: there was no channel to tell it, it is shown in the app alone.';
comment on column costpulse.alert_history.current_value is 'The figure that was judged, in the unit of its kind.';
comment on column costpulse.alert_history.message is 'Title of the message.';
comment on column costpulse.alert_history.finding_key is
'What makes it this finding: alert, scope, subject, threshold, phase and reminder.';
comment on column costpulse.alert_history.alert_type is 'Kind of the alert then.';
comment on column costpulse.alert_history.severity is 'Severity then.';
comment on column costpulse.alert_history.scope_type is 'What it is about, see alerts; may be finer than the alert.';
comment on column costpulse.alert_history.scope_id is 'Which one.';
comment on column costpulse.alert_history.scope_name is 'What it was called then.';
comment on column costpulse.alert_history.team_id is 'Team it belongs to; NULL: of no single team.';
comment on column costpulse.alert_history.subject is 'Period or event it is about.';
comment on column costpulse.alert_history.threshold is 'Limit that was passed, where the alert has several.';
comment on column costpulse.alert_history.phase is 'firing, or ended: what was told before is over.';
comment on column costpulse.alert_history.reminder is '0; 1, 2, ... each time a lasting condition is told again.';
comment on column costpulse.alert_history.occurred_on is 'UTC day on which it came true.';
comment on column costpulse.alert_history.expected_value is
'What it was compared with. NULL: with the threshold alone.';
comment on column costpulse.alert_history.evidence is 'The figures it rests on, by name; docs/alerts.md.';
comment on column costpulse.alert_history.content is 'The whole message, as channels write it.';
comment on column costpulse.alert_history.ended_at is 'When it was found to be over. NULL: it lasts, or it has no end.';
comment on column costpulse.alert_history.acknowledged_at is 'When somebody said they look after it.';
comment on column costpulse.alert_history.acknowledged_by is 'Who.';

create trigger audit after update on costpulse.alert_history
for each row when (old.acknowledged_by is distinct from new.acknowledged_by)
execute function costpulse.audit_change();

-- one row per alert: how it was evaluated last
create table costpulse.alert_evaluations (
    alert_id bigint primary key references costpulse.alerts (id) on delete cascade,
    evaluated_at timestamptz not null,
    outcome text not null check (outcome in ('evaluated', 'failed', 'scope gone', 'unknown type')),
    findings integer not null default 0 check (findings >= 0),
    problem text,
    next_step text,
    check ((outcome = 'evaluated') = (problem is null)),
    check ((problem is null) = (next_step is null))
);

comment on table costpulse.alert_evaluations is 'One row per alert: how it was evaluated last.';
comment on column costpulse.alert_evaluations.alert_id is 'The alert.';
comment on column costpulse.alert_evaluations.evaluated_at is 'When.';
comment on column costpulse.alert_evaluations.outcome is
'evaluated; failed: it raised, others went on; scope gone: what it watches is not there; unknown type.';
comment on column costpulse.alert_evaluations.findings is 'Findings of its window, told before or now.';
comment on column costpulse.alert_evaluations.problem is 'What went wrong, one sentence. NULL: nothing.';
comment on column costpulse.alert_evaluations.next_step is 'What to do about it.';

-- one row per rule: where findings of a team, a cost centre or anything go
create table costpulse.alert_routes (
    id bigint generated always as identity primary key,
    team_id bigint references costpulse.teams (id) on delete cascade,
    cost_center text check (btrim(cost_center) <> ''),
    minimum_severity text not null default 'info' check (minimum_severity in ('info', 'warning', 'critical')),
    channel text not null check (btrim(channel) <> ''),
    check (team_id is null or cost_center is null)
);
create unique index alert_routes_key on costpulse.alert_routes
(team_id, cost_center, minimum_severity, channel) nulls not distinct;

create trigger audit after insert or update or delete on costpulse.alert_routes
for each row execute function costpulse.audit_change();

comment on table costpulse.alert_routes is
'One row per route: the routes of the finding''s team count, else those of its cost centre, else those of neither.';
comment on column costpulse.alert_routes.id is 'Number of the route.';
comment on column costpulse.alert_routes.team_id is 'Findings of this team. NULL: of a cost centre, or of all others.';
comment on column costpulse.alert_routes.cost_center is 'Findings of teams of this cost centre.';
comment on column costpulse.alert_routes.minimum_severity is 'Severity from which it is used.';
comment on column costpulse.alert_routes.channel is 'Where to, as in alerts.notification_channels; never routed.';

-- one row per message and channel
create table costpulse.alert_outbox (
    id bigint generated always as identity primary key,
    dedup_key text not null unique,
    history_id bigint references costpulse.alert_history (id) on delete cascade,
    purpose text not null check (purpose in ('finding', 'bundle', 'test')),
    severity text not null check (severity in ('info', 'warning', 'critical')),
    channel text not null,
    content jsonb not null,
    state text not null default 'waiting'
    check (state in ('waiting', 'sending', 'delivered', 'refused', 'failed', 'unknown')),
    created_at timestamptz not null default now(),
    due_at timestamptz not null,
    held_for text check (held_for in ('cooldown', 'quiet hours')),
    attempts integer not null default 0 check (attempts >= 0),
    claim uuid,
    lease_until timestamptz,
    delivered_at timestamptz,
    settled_at timestamptz,
    answer text,
    credential text,
    bundle_id bigint references costpulse.alert_outbox (id),
    requeued_by text,
    check ((purpose = 'finding') = (history_id is not null)),
    check ((state = 'sending') = (claim is not null)),
    check ((state = 'sending') = (lease_until is not null)),
    check ((state = 'delivered') = (delivered_at is not null))
);
create index alert_outbox_due on costpulse.alert_outbox (due_at) where state in ('waiting', 'failed');
create index alert_outbox_sending on costpulse.alert_outbox (lease_until) where state = 'sending';
create index alert_outbox_history on costpulse.alert_outbox (history_id);

create trigger audit after insert or update on costpulse.alert_outbox
for each row when (new.requeued_by is not null and new.state = 'waiting')
execute function costpulse.audit_change();

comment on table costpulse.alert_outbox is
'One row per message and channel, from the transaction that found it to the answer of the channel.';
comment on column costpulse.alert_outbox.id is 'Number of the message.';
comment on column costpulse.alert_outbox.dedup_key is 'Finding and channel, or bundle, or test: never twice.';
comment on column costpulse.alert_outbox.history_id is 'The finding. NULL: a bundle or a test.';
comment on column costpulse.alert_outbox.purpose is
'finding; bundle: one message for many that waited while the channel was down; test: asked for by a person.';
comment on column costpulse.alert_outbox.severity is 'Severity of the finding.';
comment on column costpulse.alert_outbox.channel is 'Where to: slack, slack:#channel, email:address, webhook:name.';
comment on column costpulse.alert_outbox.content is 'The message, before it is written for its channel.';
comment on column costpulse.alert_outbox.state is
'waiting; sending: claimed by a process; delivered; refused: not tried again by itself; failed: tried again at due_at; '
'unknown: it may have arrived, not sent again by itself.';
comment on column costpulse.alert_outbox.created_at is 'When it was written.';
comment on column costpulse.alert_outbox.due_at is 'Not sent before: cooldown, quiet hours, or the next try.';
comment on column costpulse.alert_outbox.held_for is 'Why it was not due at once. NULL: it was.';
comment on column costpulse.alert_outbox.attempts is 'How often a process claimed it.';
comment on column costpulse.alert_outbox.claim is 'Of the process that sends it now.';
comment on column costpulse.alert_outbox.lease_until is
'After that the process is taken for dead, and the state is unknown.';
comment on column costpulse.alert_outbox.delivered_at is 'When the channel said yes.';
comment on column costpulse.alert_outbox.settled_at is 'When the channel answered last, or the lease ran out.';
comment on column costpulse.alert_outbox.answer is 'What came of the last try, one sentence; no secrets.';
comment on column costpulse.alert_outbox.credential is
'Fingerprint of the credential that was refused: with another one it is tried again.';
comment on column costpulse.alert_outbox.bundle_id is 'The bundle that carried it.';
comment on column costpulse.alert_outbox.requeued_by is 'Who had it sent again.';

-- one row: the key of the links in messages
create table costpulse.signing_keys (
    purpose text primary key,
    key bytea not null check (length(key) >= 32),
    created_at timestamptz not null default now()
);

comment on table costpulse.signing_keys is 'One row per purpose: the key that CostPulse signs links with.';
comment on column costpulse.signing_keys.purpose is 'links: those of messages.';
comment on column costpulse.signing_keys.key is 'Random bytes; only the pipeline and the app read them.';
comment on column costpulse.signing_keys.created_at is 'When it was made.';

-- one row per link that was used
create table costpulse.used_links (
    digest text primary key,
    used_at timestamptz not null default now(),
    used_by text not null
);

comment on table costpulse.used_links is 'One row per signed link that was used: none works twice.';
comment on column costpulse.used_links.digest is 'SHA-256 of the link''s token.';
comment on column costpulse.used_links.used_at is 'When.';
comment on column costpulse.used_links.used_by is 'By whom.';

do $$
declare
    scope text := '(select current_setting(''costpulse.scope'', true))';
    edited text;
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on
        costpulse.alert_evaluations, costpulse.alert_routes, costpulse.alert_outbox, costpulse.signing_keys,
        costpulse.used_links
    to costpulse_app;
    revoke select on costpulse.signing_keys from costpulse_auditor;
    grant insert, update, delete on costpulse.alert_routes to costpulse_app;
    grant update (acknowledged_at, acknowledged_by) on costpulse.alert_history to costpulse_app;
    -- a test is sent by whoever asks for it, and what was not delivered can be sent again
    grant insert, update on costpulse.alert_outbox to costpulse_app;
    grant insert on costpulse.used_links to costpulse_app;

    alter table costpulse.alert_history enable row level security;
    execute format(
        'create policy team_scope on costpulse.alert_history to costpulse_app using (%1$s = ''all'' or '
        'team_id = any ((select string_to_array(nullif(%1$s, ''all''), '','')::bigint[])::bigint[]))',
        scope
    );
    create policy everything on costpulse.alert_history for select to costpulse_auditor using (true);

    -- whom others tell is for those who see everything
    foreach edited in array array['alert_routes', 'alert_outbox'] loop
        execute format('alter table costpulse.%I enable row level security', edited);
        execute format(
            'create policy team_scope on costpulse.%1$I to costpulse_app using (%2$s = ''all'') '
            'with check (%2$s = ''all'')', edited, scope
        );
        execute format(
            'create policy everything on costpulse.%I for select to costpulse_auditor using (true)', edited
        );
    end loop;
end
$$;
