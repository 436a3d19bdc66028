-- one row per event that may be seen and is rolled up under none that may be seen, newest first, before the one that
-- was shown last; NULL asks for everything
select
    a.id,
    a.scope_type,
    a.scope_id,
    a.kind,
    a.direction,
    a.start_date,
    a.end_date,
    a.last_date,
    a.recognised_on,
    a.is_provisional,
    a.severity,
    a.actual_usd,
    a.expected_usd,
    a.impact_usd,
    a.status,
    a.reason,
    a.resolution,
    a.assigned_to,
    a.decided_by,
    a.decided_at,
    a.detected_at,
    (select count(*) from costpulse.anomalies as b where b.parent_id = a.id) as below
from costpulse.anomalies as a
where
    a.id < %(before)s::bigint
    and not exists (select from costpulse.anomalies as p where p.id = a.parent_id)
    and (%(first)s::date is null or a.last_date >= %(first)s::date)
    and (%(last)s::date is null or a.start_date <= %(last)s::date)
    and (%(statuses)s::text[] is null or a.status = any(%(statuses)s::text[]))
    and (%(severities)s::text[] is null or a.severity = any(%(severities)s::text[]))
    and (%(scope_types)s::text[] is null or a.scope_type = any(%(scope_types)s::text[]))
order by a.id desc
limit %(rows)s::bigint
