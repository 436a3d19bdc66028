-- Stores the staged events. What people decided stays; what was resolved because it was gone is open again. A new event
-- of a scope and direction that somebody expects for these days begins as expected.
insert into costpulse.anomalies as a (
    id, scope_type, scope_id, kind, direction, start_date, end_date, last_date, recognised_on, is_provisional,
    severity, score, method, sensitivity, days_digest, detected_at, judged_at,
    status, reason, expected_until, decided_by, decided_at
)
overriding system value
select
    s.anomaly_id,
    s.scope_type,
    s.scope_id,
    s.kind,
    s.direction,
    s.start_date,
    s.end_date,
    s.last_date,
    s.recognised_on,
    s.is_provisional,
    s.severity,
    s.score,
    %(method)s,
    s.sensitivity,
    s.days_digest,
    %(now)s,
    %(now)s,
    case when p.id is null then 'open' else 'expected' end,
    p.reason,
    p.expected_until,
    case when p.id is not null then 'pipeline' end,
    case when p.id is not null then %(now)s::timestamptz end
from staged_anomalies as s
left join lateral (
    select
        e.id,
        e.reason,
        e.expected_until
    from costpulse.anomalies as e
    where
        e.scope_type = s.scope_type
        and e.scope_id = s.scope_id
        and e.direction = s.direction
        and e.status = 'expected'
        and e.start_date <= s.start_date
        and e.expected_until >= s.start_date
    order by e.expected_until desc, e.id asc
    limit 1
) as p on true
on conflict (id) do update set
    kind = excluded.kind,
    start_date = excluded.start_date,
    end_date = excluded.end_date,
    last_date = excluded.last_date,
    recognised_on = excluded.recognised_on,
    is_provisional = excluded.is_provisional,
    severity = excluded.severity,
    score = excluded.score,
    method = excluded.method,
    sensitivity = excluded.sensitivity,
    days_digest = excluded.days_digest,
    judged_at = excluded.judged_at,
    status = case when a.resolution = 'no longer there' then 'open' else a.status end,
    decided_by = case when a.resolution = 'no longer there' then 'pipeline' else a.decided_by end,
    decided_at = case when a.resolution = 'no longer there' then excluded.judged_at else a.decided_at end,
    resolution = nullif(a.resolution, 'no longer there'),
    gone_at = null
