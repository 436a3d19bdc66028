-- event asked for x day around it: what its scope cost, and what was normal
with asked as (
    select
        id,
        scope_type,
        scope_id,
        start_date - %(days_before)s::integer as first_date,
        last_date + %(days_after)s::integer as last_date
    from costpulse.anomalies
    where id = any(%(ids)s::bigint[])
)

select
    a.id,
    d.usage_date,
    d.actual,
    d.first_actual,
    d.expected,
    d.lower,
    d.upper,
    d.severity,
    d.is_provisional
from asked as a
inner join costpulse.anomaly_days as d
    on
        a.scope_type = d.scope_type
        and a.scope_id = d.scope_id
        and a.first_date <= d.usage_date
        and a.last_date >= d.usage_date
order by a.id, d.usage_date
