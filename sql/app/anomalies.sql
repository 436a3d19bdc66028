-- one row per event that may be seen and is rolled up under none that may be seen, has a day of the period and lies in
-- what is selected, largest first; or, where an id is asked for, that event and those rolled up under it. An event lies
-- where half of its difference does.
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
    a.parent_id,
    a.status,
    a.reason,
    a.expected_until,
    a.resolution,
    a.assigned_to,
    a.decided_by,
    a.decided_at,
    a.detected_at,
    a.gone_at,
    a.method,
    a.sensitivity,
    (select count(*) from costpulse.anomalies as b where b.parent_id = a.id) as below
from costpulse.anomalies as a
where
    (
        %(id)s::bigint is null
        and not exists (select from costpulse.anomalies as p where p.id = a.parent_id)
        and a.start_date <= %(last)s
        and a.last_date >= %(first)s
        and not exists (
            select
            from jsonb_each(%(chosen)s::jsonb) as f (dimension, ids)
            where not exists (
                select
                from costpulse.anomaly_causes as c
                where
                    c.anomaly_id = a.id
                    and c.dimension = f.dimension
                    and f.ids ? c.value_id
                having sum(c.share) >= 0.5
            )
        )
    )
    or a.id = %(id)s::bigint
    or a.parent_id = %(id)s::bigint
order by abs(a.impact_usd) desc, a.id asc
