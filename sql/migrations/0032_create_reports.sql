-- Reports: who asked for what, and the file that was made of it.

alter table costpulse.reports
add column requested_by text not null,
add column requested_at timestamptz not null default now(),
add column period_first date not null,
add column period_last date not null,
add column team_id bigint,
add column team_name text,
add column options jsonb not null default '{}',
add column channels jsonb not null default '[]',
add column is_provisional boolean,
add column checksum text check (checksum ~ '^[0-9a-f]{64}$'),
add column size_bytes bigint check (size_bytes >= 0),
add column row_count bigint check (row_count >= 0),
add column problem text,
add column run_id text,
add column started_at timestamptz,
add column finished_at timestamptz,
add column expires_at timestamptz,
add constraint reports_period check (period_first <= period_last),
add constraint reports_type check (report_type in ('showback', 'chargeback', 'executive', 'team', 'statement')),
add constraint reports_format check (format in ('csv', 'xlsx', 'pdf', 'parquet', 'focus')),
add constraint reports_status check (status in ('requested', 'running', 'ready', 'failed', 'expired')),
add constraint reports_team check (team_id is null or team_name is not null),
-- A file is named exactly while it is there, whole and checked.
add constraint reports_file check (
    (status = 'ready') = (file_path is not null)
    and (status <> 'ready' or (checksum is not null and size_bytes is not null and finished_at is not null))
),
add constraint reports_problem check ((status = 'failed') = (problem is not null));

create index reports_requested on costpulse.reports (requested_at, id) where status = 'requested';

comment on table costpulse.reports is
'One row per report that was asked for: by a person, the command line or a schedule. The row stays when its file goes.';
comment on column costpulse.reports.id is 'Number of the report.';
comment on column costpulse.reports.name is 'Name as people read it: type, whose, period. Never a path.';
comment on column costpulse.reports.report_type is 'showback, chargeback, executive, team or statement.';
comment on column costpulse.reports.format is 'csv, xlsx, pdf, parquet or focus.';
comment on column costpulse.reports.file_path is
'File or folder below the folder of reports; NULL: it is not there (yet, or any more).';
comment on column costpulse.reports.status is
'requested; running; ready: the file is there; failed: see problem; expired: the file was deleted.';
comment on column costpulse.reports.summary is
'Figures of the report by name, as text: what the list and messages show.';
comment on column costpulse.reports.requested_by is 'Who asked for it; schedule: nobody.';
comment on column costpulse.reports.requested_at is 'When it was asked for.';
comment on column costpulse.reports.period_first is 'First usage day (UTC).';
comment on column costpulse.reports.period_last is 'Last usage day (UTC), included.';
comment on column costpulse.reports.team_id is
'Whose cost it shows, with the teams below it; NULL: all of the account. No reference: a team may be deleted later.';
comment on column costpulse.reports.team_name is 'What the team was called when the report was asked for.';
comment on column costpulse.reports.options is 'What only some reports have: focus_version, split.';
comment on column costpulse.reports.channels is 'Channels that are told when it is ready, as alerts name them.';
comment on column costpulse.reports.is_provisional is
'Days of the period are not final, so the report says so on every page; NULL: not made.';
comment on column costpulse.reports.checksum is
'SHA-256 of the file; of a folder that of its list of files and checksums.';
comment on column costpulse.reports.size_bytes is 'Size of the file or of all files.';
comment on column costpulse.reports.row_count is 'Rows of detail in it; NULL: it has none.';
comment on column costpulse.reports.problem is 'Why it failed and what to do, as one line; NULL: it did not.';
comment on column costpulse.reports.run_id is 'Run of Dagster that made it.';
comment on column costpulse.reports.started_at is 'When the making began.';
comment on column costpulse.reports.finished_at is 'When it was ready or failed.';
comment on column costpulse.reports.expires_at is 'When its file is deleted; NULL: never.';

create trigger audit after insert or delete on costpulse.reports
for each row execute function costpulse.audit_change();

do $$
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    -- A person asks for a report; what becomes of it is the pipeline's.
    grant insert (
        name, report_type, format, status, requested_by, period_first, period_last, team_id, team_name, options, channels,
        expires_at
    ) on costpulse.reports to costpulse_app;
    alter table costpulse.reports enable row level security;
    create policy team_scope on costpulse.reports for select to costpulse_app
    using (
        (select current_setting('costpulse.scope', true) = 'all')
        or team_id = any((
            select string_to_array(nullif(current_setting('costpulse.scope', true), 'all'), ',')::bigint[]
        )::bigint[])
    );
    create policy request_in_scope on costpulse.reports for insert to costpulse_app
    with check (
        status = 'requested'
        and (
            (select current_setting('costpulse.scope', true) = 'all')
            or team_id = any((
                select string_to_array(nullif(current_setting('costpulse.scope', true), 'all'), ',')::bigint[]
            )::bigint[])
        )
    );
    create policy everything on costpulse.reports for select to costpulse_auditor using (true);
end
$$;
