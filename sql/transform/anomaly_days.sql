-- Stores the staged days that are new or were judged otherwise; what a day cost when it was first final stays
insert into costpulse.anomaly_days as a (
    scope_type, scope_id, usage_date, actual, first_actual, expected, lower, upper, severity, is_provisional
)
select
    s.scope_type,
    s.scope_id,
    s.usage_date,
    s.actual,
    case when not s.is_provisional then s.actual end as first_actual,
    s.expected,
    s.lower,
    s.upper,
    s.severity,
    s.is_provisional
from staged_anomaly_days as s
left join costpulse.anomaly_days as d
    on s.scope_type = d.scope_type and s.scope_id = d.scope_id and s.usage_date = d.usage_date
where
    d.usage_date is null
    or (s.actual, s.expected, s.lower, s.upper) is distinct from (d.actual, d.expected, d.lower, d.upper)
    or (s.severity, s.is_provisional) is distinct from (d.severity, d.is_provisional)
on conflict (scope_type, scope_id, usage_date) do update set
    actual = excluded.actual,
    first_actual = coalesce(a.first_actual, excluded.first_actual),
    expected = excluded.expected,
    lower = excluded.lower,
    upper = excluded.upper,
    severity = excluded.severity,
    is_provisional = excluded.is_provisional
