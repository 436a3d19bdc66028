-- one row per report that may be seen, newest first, before the one that was shown last; or the one asked for
select
    r.id,
    r.name,
    r.report_type,
    r.format,
    r.status,
    r.requested_by,
    r.requested_at,
    r.period_first,
    r.period_last,
    r.team_id,
    r.team_name,
    r.is_provisional,
    r.summary,
    r.checksum,
    r.size_bytes,
    r.row_count,
    r.problem,
    r.finished_at,
    r.expires_at,
    r.file_path
from costpulse.reports as r
where
    r.id < %(before)s::bigint
    and (%(id)s::bigint is null or r.id = %(id)s::bigint)
    and (%(report_types)s::text[] is null or r.report_type = any(%(report_types)s::text[]))
    and (%(statuses)s::text[] is null or r.status = any(%(statuses)s::text[]))
order by r.id desc
limit %(rows)s::bigint
