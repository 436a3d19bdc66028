-- Runs that people start from the app, and what everybody may know about how days arrive and are corrected: shares and
-- days. Amounts of the whole account are for who sees all teams.

-- one row per run that somebody started from the app
create table costpulse.run_requests (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('run now', 'collect days again')),
    first_day date not null,
    last_day date not null,
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp(),
    run_id text check (run_id <> ''),
    problem text check (problem <> ''),
    check (last_day >= first_day)
);

create trigger audit after insert or update or delete on costpulse.run_requests
for each row execute function costpulse.audit_change();

comment on table costpulse.run_requests is
'One row per run that somebody started from the app; how it went is with Dagster, under run_id.';
comment on column costpulse.run_requests.id is
'Number of the request; the run has it in the tag costpulse/run_request.';
comment on column costpulse.run_requests.kind is
'run now: what the schedule would run; collect days again: these days anew, whether they changed or not.';
comment on column costpulse.run_requests.first_day is 'First usage day (UTC).';
comment on column costpulse.run_requests.last_day is 'Last usage day (UTC).';
comment on column costpulse.run_requests.requested_by is 'Who started it.';
comment on column costpulse.run_requests.requested_at is 'When it was asked for.';
comment on column costpulse.run_requests.run_id is
'The run in Dagster; NULL: it was not started, or whether it was is not known.';
comment on column costpulse.run_requests.problem is 'Why it was not started.';

-- usage_date x moment: which share of what the day holds now, or will hold, was in then. It is a share of all teams
-- together, and no amount can be told from it.
create view costpulse.day_arrivals as
select
    l.usage_date,
    l.loaded_at,
    least(
        greatest(
            l.cost_usd / nullif(
                case when c.is_provisional then coalesce(c.expected_cost, c.cost_usd) else c.cost_usd end, 0
            ), 0
        ), 1
    )::numeric(9, 6) as share,
    'collection_log' as basis
from costpulse.collection_log as l
inner join costpulse.completeness as c on l.usage_date = c.usage_date
where l.source = 'cost_records'
union all
-- what is ingested on a day is in when that day ends; corrections do not complete usage, they replace it
select
    i.usage_date,
    (i.ingestion_date + 1)::timestamp at time zone 'UTC' as loaded_at,
    least(
        greatest(
            sum(i.cost_usd) over (partition by i.usage_date order by i.ingestion_date)
            / nullif(sum(i.cost_usd) over (partition by i.usage_date), 0), 0
        ), 1
    )::numeric(9, 6) as share,
    'ingestion_date' as basis
from (
    select
        r.usage_date,
        greatest(r.ingestion_date, r.usage_date) as ingestion_date,
        coalesce(sum(r.cost_usd), 0) as cost_usd
    from costpulse.cost_records as r
    where r.record_type = 'ORIGINAL'
    group by r.usage_date, greatest(r.ingestion_date, r.usage_date)
) as i;

comment on view costpulse.day_arrivals is
'One row per usage day and moment: which share of its cost was in. No amounts, so every viewer may read it.';
comment on column costpulse.day_arrivals.usage_date is 'UTC day of the usage.';
comment on column costpulse.day_arrivals.loaded_at is
'Of collection_log, when the day was loaded; of ingestion_date, the end of the UTC day on which it was ingested.';
comment on column costpulse.day_arrivals.share is 'Share (0..1) of what the day holds now or, if not final, will hold.';
comment on column costpulse.day_arrivals.basis is 'collection_log or ingestion_date.';

-- usage_date x ingestion_date: corrections that Databricks issued two days after the usage, or later. Only the days are
-- read whose books say that something came so late.
create view costpulse.restatements as
select
    r.usage_date,
    r.ingestion_date,
    sum(r.record_count)::bigint as record_count,
    case
        when
            (select current_setting('costpulse.scope', true)) = 'all'
            or has_table_privilege('costpulse.cost_records', 'select')
            then coalesce(sum(r.cost_usd), 0)
    end as cost_usd
from costpulse.collected_days as d
inner join costpulse.cost_records as r on d.usage_date = r.usage_date
where
    d.source = 'cost_records'
    and d.newest_ingestion_date >= d.usage_date + 2
    and r.record_type <> 'ORIGINAL'
    and r.ingestion_date >= r.usage_date + 2
group by r.usage_date, r.ingestion_date;

comment on view costpulse.restatements is
'One row per usage day and day on which Databricks corrected it, two days after the usage or later.';
comment on column costpulse.restatements.usage_date is 'UTC day of the usage.';
comment on column costpulse.restatements.ingestion_date is 'UTC day of the correction.';
comment on column costpulse.restatements.record_count is 'Lines of the bill that it is made of.';
comment on column costpulse.restatements.cost_usd is
'What it changed, in USD at present prices; NULL for a viewer of some teams only.';

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
    grant select on costpulse.day_arrivals, costpulse.restatements to costpulse_app;
    -- what the whole account spends, and whole lines of its bill, stay with the pipeline
    revoke select on costpulse.collection_log, costpulse.rejected_rows from costpulse_app;
    grant select (id, source, usage_date, loaded_at, source_rows, rejected_count, in_flight, run_id)
    on costpulse.collection_log to costpulse_app;
    grant select (id, source, usage_date, reason, record_count, rejected_at)
    on costpulse.rejected_rows to costpulse_app;

    grant select, insert, update (run_id, problem) on costpulse.run_requests to costpulse_app;
    alter table costpulse.run_requests enable row level security;
    execute format(
        'create policy team_scope on costpulse.run_requests for select to costpulse_app using (%s = ''all'')', scope
    );
    -- Who asks does so in their own name, and nobody says later that somebody else did.
    execute format(
        'create policy own_insert on costpulse.run_requests for insert to costpulse_app with check (%s = ''all'' '
        'and requested_by = (select current_setting(''costpulse.actor'', true)))', scope
    );
    execute format(
        'create policy own_update on costpulse.run_requests for update to costpulse_app using (%s = ''all'' '
        'and requested_by = (select current_setting(''costpulse.actor'', true)))', scope
    );
    create policy everything on costpulse.run_requests for select to costpulse_auditor using (true);
end
$$;
