-- What was not normal, why, and what people decided about it; and how well the detector does on this account.

-- one row per event: a scope, a direction and days that belong together
create table costpulse.anomalies (
    id bigint generated always as identity primary key,
    scope_type text not null
    check (scope_type in ('everything', 'workspace', 'product', 'team', 'sku', 'job', 'warehouse', 'cluster')),
    scope_id text not null,
    kind text not null
    check (kind in ('spike', 'burst', 'outage', 'drop', 'level shift', 'drift', 'new source')),
    direction text not null check (direction in ('up', 'down')),
    start_date date not null,
    end_date date,
    last_date date not null,
    recognised_on date not null,
    is_provisional boolean not null,
    severity text not null check (severity in ('medium', 'high', 'critical')),
    score double precision not null check (score <> 'NaN'),
    actual_usd numeric(38, 18) not null default 0 check (actual_usd <> 'NaN'),
    expected_usd numeric(38, 18) not null default 0 check (expected_usd <> 'NaN'),
    impact_usd numeric(38, 18) not null generated always as (actual_usd - expected_usd) stored,
    parent_id bigint references costpulse.anomalies (id) on delete set null,
    status text not null default 'open' check (status in ('open', 'acknowledged', 'expected', 'resolved')),
    reason text,
    expected_until date,
    resolution text check (
        resolution in ('fixed', 'expected', 'too small', 'data fault', 'not an anomaly', 'no longer there')
    ),
    assigned_to text,
    decided_by text,
    decided_at timestamptz,
    detected_at timestamptz not null default now(),
    judged_at timestamptz not null default now(),
    gone_at timestamptz,
    method text not null check (method in ('robust', 'classic')),
    sensitivity double precision not null check (sensitivity > 0 and sensitivity <> 'NaN'),
    days_digest text not null,
    causes_at timestamptz,
    check (last_date >= start_date),
    check (end_date is null or end_date = last_date),
    check (parent_id <> id),
    check ((status = 'resolved') = (resolution is not null)),
    check (resolution is distinct from 'no longer there' or gone_at is not null),
    check (status = 'open' or decided_by is not null)
);
create index anomalies_scope on costpulse.anomalies (scope_type, scope_id, direction, start_date);
create index anomalies_parent on costpulse.anomalies (parent_id);
create index anomalies_status on costpulse.anomalies (status, start_date) where parent_id is null;

comment on table costpulse.anomalies is
'One row per event that was not normal: a scope, a direction, and the days that belong together.';
comment on column costpulse.anomalies.id is 'Number of the event; it stays when the event is judged again.';
comment on column costpulse.anomalies.scope_type is
'What was judged: everything, workspace, product, team (with the teams below it), sku, job, warehouse or '
'all-purpose cluster.';
comment on column costpulse.anomalies.scope_id is
'Which: empty for everything; workspace id; product; team id or unallocated; SKU; workspace id/id of the '
'job, warehouse or cluster.';
comment on column costpulse.anomalies.kind is
'spike: one or two days; burst: three and more, and back; outage: below half; drop: down to more than half; '
'level shift: another level that stays; drift: slow growth or decline; new source: first cost of its kind.';
comment on column costpulse.anomalies.direction is 'up: more than expected; down: less.';
comment on column costpulse.anomalies.start_date is 'First day (UTC).';
comment on column costpulse.anomalies.end_date is 'Last day (UTC); NULL: ongoing.';
comment on column costpulse.anomalies.last_date is 'Newest day that the amounts count; end_date once it is over.';
comment on column costpulse.anomalies.recognised_on is 'The day with whose cost it was recognised.';
comment on column costpulse.anomalies.is_provisional is
'It counts days that are not final: already too much, and more may come.';
comment on column costpulse.anomalies.severity is
'medium, high or critical: how far out, and only as high as the money is worth.';
comment on column costpulse.anomalies.score is
'How far out its worst day lies, in units of the series'' own noise; the sign is the direction.';
comment on column costpulse.anomalies.actual_usd is 'Cost of its days.';
comment on column costpulse.anomalies.expected_usd is
'What its days would have cost: of each the mean of the same weekday in the four weeks before the event, days of '
'other events of the scope left out.';
comment on column costpulse.anomalies.impact_usd is 'actual_usd - expected_usd; below zero where cost is missing.';
comment on column costpulse.anomalies.parent_id is
'The event of a larger scope that explains this one; NULL: it is shown.';
comment on column costpulse.anomalies.status is
'open; acknowledged: somebody looks at it; expected: planned; resolved. Kept when the event is judged again.';
comment on column costpulse.anomalies.reason is 'What the person who decided wrote.';
comment on column costpulse.anomalies.expected_until is
'Last day (UTC) up to which this is planned: events of the scope and direction that begin by then are expected too.';
comment on column costpulse.anomalies.resolution is
'How it was resolved; no longer there: after a correction of the bill or another setting the days are not unusual.';
comment on column costpulse.anomalies.assigned_to is 'Who looks after it.';
comment on column costpulse.anomalies.decided_by is 'Who set the status; pipeline where no person did.';
comment on column costpulse.anomalies.decided_at is 'When the status was set.';
comment on column costpulse.anomalies.detected_at is 'When it was found first.';
comment on column costpulse.anomalies.judged_at is 'When it was judged last.';
comment on column costpulse.anomalies.gone_at is
'Since when its days are not unusual any more, after a correction of the bill or with another setting; NULL: they are.';
comment on column costpulse.anomalies.method is 'How its days were judged: robust or classic.';
comment on column costpulse.anomalies.sensitivity is
'Sensitivity its days were judged with, what people taught (series_sensitivity) included.';
comment on column costpulse.anomalies.days_digest is 'Hash of its days and of those it is compared with.';
comment on column costpulse.anomalies.causes_at is
'When its amounts and causes were computed: anew when its days change, or what they cost.';

-- event x dimension x value: each dimension splits the whole event
create table costpulse.anomaly_causes (
    anomaly_id bigint not null references costpulse.anomalies (id) on delete cascade,
    dimension text not null check (
        dimension in (
            'workspace', 'product', 'team', 'sku', 'job', 'pipeline', 'warehouse', 'cluster', 'endpoint', 'user'
        )
    ),
    value_id text,
    name text,
    actual_usd numeric(38, 18) not null check (actual_usd <> 'NaN'),
    expected_usd numeric(38, 18) not null check (expected_usd <> 'NaN'),
    difference_usd numeric(38, 18) not null check (difference_usd <> 'NaN'),
    share numeric(20, 6) check (share <> 'NaN'),
    price_effect_usd numeric(38, 18) not null check (price_effect_usd <> 'NaN'),
    volume_effect_usd numeric(38, 18) not null check (volume_effect_usd <> 'NaN'),
    is_new boolean not null,
    is_gone boolean not null,
    rank integer check (rank > 0),
    is_main boolean not null,
    check (difference_usd = actual_usd - expected_usd),
    check (difference_usd = price_effect_usd + volume_effect_usd),
    check ((value_id is null or value_id = '') = (rank is null)),
    check (not is_main or rank = 1)
);
create unique index anomaly_causes_grain on costpulse.anomaly_causes (anomaly_id, dimension, value_id)
nulls not distinct;
create unique index anomaly_causes_main on costpulse.anomaly_causes (anomaly_id) where is_main;

comment on table costpulse.anomaly_causes is
'One row per event, dimension and value: what part of the event it is. The rows of a dimension add up to the event.';
comment on column costpulse.anomaly_causes.anomaly_id is 'The event.';
comment on column costpulse.anomaly_causes.dimension is
'By what the event is split. cluster: all-purpose clusters; those of jobs and pipelines count as the job or pipeline.';
comment on column costpulse.anomaly_causes.value_id is
'Which: an id as in anomalies.scope_id, workspace id/resource id for resources. Empty: cost that has none, such as '
'what is no job''s. NULL: all values together that are not named.';
comment on column costpulse.anomaly_causes.name is 'What it was called at the time; NULL where no name is known.';
comment on column costpulse.anomaly_causes.actual_usd is 'Its cost on the days of the event.';
comment on column costpulse.anomaly_causes.expected_usd is
'What it would have cost, by the days that the event is compared with.';
comment on column costpulse.anomaly_causes.difference_usd is 'actual_usd - expected_usd.';
comment on column costpulse.anomaly_causes.share is
'difference_usd as a share of the event''s; NULL where the event has none. Above 1 where others went the other way.';
comment on column costpulse.anomaly_causes.price_effect_usd is
'Part of the difference that comes from other rates for the same SKUs.';
comment on column costpulse.anomaly_causes.volume_effect_usd is
'Part of the difference that comes from more or less use.';
comment on column costpulse.anomaly_causes.is_new is
'It has cost on the days of the event, and no use on those they are compared with.';
comment on column costpulse.anomaly_causes.is_gone is 'It has no use on the days of the event, and had before.';
comment on column costpulse.anomaly_causes.rank is
'1 for the largest part in the direction of the event, within its dimension; NULL for rows that name nothing.';
comment on column costpulse.anomaly_causes.is_main is
'The most specific value that makes up at least half of the event; at most one row of it.';

-- scope x usage_date: what charts of events draw
create table costpulse.anomaly_days (
    scope_type text not null,
    scope_id text not null,
    usage_date date not null,
    actual double precision not null check (actual <> 'NaN'),
    first_actual double precision check (first_actual <> 'NaN'),
    expected double precision check (expected <> 'NaN'),
    lower double precision check (lower <> 'NaN'),
    upper double precision check (upper <> 'NaN'),
    severity text check (severity in ('medium', 'high', 'critical')),
    is_provisional boolean not null,
    primary key (scope_type, scope_id, usage_date)
);

comment on table costpulse.anomaly_days is
'One row per scope with an event and usage day, from six weeks before the event to two after it: for charts.';
comment on column costpulse.anomaly_days.scope_type is 'Kind of scope, see anomalies.';
comment on column costpulse.anomaly_days.scope_id is 'Which scope, see anomalies.';
comment on column costpulse.anomaly_days.usage_date is 'UTC day.';
comment on column costpulse.anomaly_days.actual is 'Its cost in USD.';
comment on column costpulse.anomaly_days.first_actual is
'Its cost in USD when the day was first judged as final; differs from actual where the bill was corrected since.';
comment on column costpulse.anomaly_days.expected is
'What the detector expected, in USD; NULL: nothing to judge by yet.';
comment on column costpulse.anomaly_days.lower is 'Least that is normal, in USD.';
comment on column costpulse.anomaly_days.upper is 'Most that is normal, in USD.';
comment on column costpulse.anomaly_days.severity is 'How unusual the day is by itself; NULL: normal.';
comment on column costpulse.anomaly_days.is_provisional is 'The day is not final: more may come.';

-- what the detector remembers, so that one more day does not take all of them
create table costpulse.detector_states (
    name text primary key,
    method text not null,
    first_date date not null,
    last_date date not null,
    series integer not null check (series >= 0),
    history_digest text not null,
    state bytea not null,
    judgements bytea not null,
    updated_at timestamptz not null default now()
);

comment on table costpulse.detector_states is 'One row per detector: its memory after the newest final day.';
comment on column costpulse.detector_states.name is 'What it judges: anomalies.';
comment on column costpulse.detector_states.method is 'robust or classic.';
comment on column costpulse.detector_states.first_date is 'First day (UTC) that was judged.';
comment on column costpulse.detector_states.last_date is 'Last day (UTC) that was judged as final.';
comment on column costpulse.detector_states.series is 'How many series were judged.';
comment on column costpulse.detector_states.history_digest is
'Hash of the history and the settings: when they differ, everything is judged anew.';
comment on column costpulse.detector_states.state is 'Memory of the method; its form is the method''s own.';
comment on column costpulse.detector_states.judgements is 'What was said of each day and series so far, compressed.';
comment on column costpulse.detector_states.updated_at is 'When the row was written.';

-- one row per scope about which people taught the detector something
create table costpulse.series_sensitivity (
    scope_type text not null,
    scope_id text not null,
    factor double precision not null check (factor > 0 and factor <= 1),
    minimum_impact_usd numeric(38, 18) check (minimum_impact_usd <> 'NaN' and minimum_impact_usd >= 0),
    reason text not null,
    updated_at timestamptz not null default now(),
    primary key (scope_type, scope_id)
);

comment on table costpulse.series_sensitivity is
'One row per scope whose events people dismissed in the last 180 days: made anew from the decisions by every run.';
comment on column costpulse.series_sensitivity.scope_type is 'Kind of scope, see anomalies.';
comment on column costpulse.series_sensitivity.scope_id is 'Which scope, see anomalies.';
comment on column costpulse.series_sensitivity.factor is
'Factor on the sensitivity of the scope: 1 as set, less finds less.';
comment on column costpulse.series_sensitivity.minimum_impact_usd is
'Largest event that was resolved as too small: up to this much off, none is shown. NULL: none was.';
comment on column costpulse.series_sensitivity.reason is 'Which decisions made it so, in words.';
comment on column costpulse.series_sensitivity.updated_at is 'When the row was written.';

-- method x class of event
create table costpulse.detector_scorecard (
    method text not null check (method in ('robust', 'classic')),
    event_class text not null,
    injected integer not null check (injected >= 0),
    found integer not null check (found between 0 and injected),
    mean_delay_days double precision check (mean_delay_days <> 'NaN'),
    missed_usd double precision not null check (missed_usd <> 'NaN'),
    false_alarms_per_week double precision not null check (false_alarms_per_week <> 'NaN'),
    wanted_alarms_per_week double precision not null check (wanted_alarms_per_week <> 'NaN'),
    suggested_sensitivity double precision check (suggested_sensitivity <> 'NaN'),
    series integer not null check (series >= 0),
    first_date date not null,
    last_date date not null,
    seed bigint not null,
    computed_at timestamptz not null default now(),
    primary key (method, event_class)
);

comment on table costpulse.detector_scorecard is
'One row per method and class of event: how many events that were put into this account''s own history it finds.';
comment on column costpulse.detector_scorecard.method is 'robust or classic.';
comment on column costpulse.detector_scorecard.event_class is 'Class of the events that were put in.';
comment on column costpulse.detector_scorecard.injected is 'Events put in.';
comment on column costpulse.detector_scorecard.found is
'Events of them that were found; found / injected is the recall.';
comment on column costpulse.detector_scorecard.mean_delay_days is
'Mean of the days from the first day of an event to the day it was found; NULL: none was found.';
comment on column costpulse.detector_scorecard.missed_usd is 'Money in the events that were not found.';
comment on column costpulse.detector_scorecard.false_alarms_per_week is
'Events a week over all series that the method finds where nothing was put in; the same for all classes.';
comment on column costpulse.detector_scorecard.wanted_alarms_per_week is 'Setting: alarms wanted a week.';
comment on column costpulse.detector_scorecard.suggested_sensitivity is
'Sensitivity at which the method makes about as many alarms as wanted; NULL: it cannot be told.';
comment on column costpulse.detector_scorecard.series is 'Series that took part.';
comment on column costpulse.detector_scorecard.first_date is 'First day (UTC) of the history.';
comment on column costpulse.detector_scorecard.last_date is 'Last day (UTC) of the history.';
comment on column costpulse.detector_scorecard.seed is 'Seed by which events were put in: the same gives the same.';
comment on column costpulse.detector_scorecard.computed_at is 'When it was computed.';

-- What the pipeline finds is not a change by a person; what anybody decides is written down.
create trigger audit after update on costpulse.anomalies
for each row when (
    (old.status, old.reason, old.expected_until, old.resolution, old.assigned_to)
    is distinct from (new.status, new.reason, new.expected_until, new.resolution, new.assigned_to)
) execute function costpulse.audit_change();

do $$
declare
    scope text := '(select current_setting(''costpulse.scope'', true))';
    seen text := '(%1$s = ''all'' or scope_type = ''team'' and scope_id = any ((select string_to_array('
        'nullif(%1$s, ''all''), '',''))::text[]))';
    scoped text;
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on
        costpulse.anomalies, costpulse.anomaly_causes, costpulse.anomaly_days, costpulse.series_sensitivity,
        costpulse.detector_scorecard
    to costpulse_app;
    -- that series are judged, and until when; what they cost is in the other columns
    grant select (name, last_date, series, updated_at) on costpulse.detector_states to costpulse_app;
    grant update (status, reason, expected_until, resolution, assigned_to, decided_by, decided_at)
    on costpulse.anomalies to costpulse_app;
    foreach scoped in array array['anomalies', 'anomaly_days', 'series_sensitivity'] loop
        execute format('alter table costpulse.%I enable row level security', scoped);
        execute format(
            'create policy team_scope on costpulse.%I for select to costpulse_app using (' || format(seen, scope) || ')',
            scoped
        );
    end loop;
    execute format(
        'create policy team_scope_update on costpulse.anomalies for update to costpulse_app using (%1$s) with check (%1$s)',
        format(seen, scope)
    );
    alter table costpulse.anomaly_causes enable row level security;
    create policy team_scope on costpulse.anomaly_causes for select to costpulse_app
    using (exists (select from costpulse.anomalies as a where a.id = anomaly_id));
    foreach scoped in array array['anomalies', 'anomaly_days', 'series_sensitivity', 'anomaly_causes'] loop
        execute format('create policy everything on costpulse.%I for select to costpulse_auditor using (true)', scoped);
    end loop;
    -- figures of the whole account
    alter table costpulse.detector_scorecard enable row level security;
    execute format('create policy team_scope on costpulse.detector_scorecard to costpulse_app using (%s = ''all'')', scope);
    create policy everything on costpulse.detector_scorecard for select to costpulse_auditor using (true);
end
$$;
