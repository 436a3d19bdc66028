-- one row per report, newest first: all of them, one, or those that are not made yet
with asked as (
    select
        %(id)s::bigint as id,
        %(is_pending)s::boolean as is_pending
)

select
    r.id,
    r.name,
    r.report_type,
    r.format,
    r.file_path,
    r.status,
    r.summary,
    r.requested_by,
    r.requested_at,
    r.period_first,
    r.period_last,
    r.team_id,
    r.team_name,
    r.options,
    r.channels,
    r.is_provisional,
    r.checksum,
    r.size_bytes,
    r.row_count,
    r.problem,
    r.run_id,
    r.started_at,
    r.finished_at,
    r.expires_at,
    count(*) over () as found
from asked
inner join costpulse.reports as r
    on
        (asked.id is null or r.id = asked.id)
        and (not asked.is_pending or r.status in ('requested', 'running'))
order by r.requested_at desc, r.id desc
limit %(most)s
