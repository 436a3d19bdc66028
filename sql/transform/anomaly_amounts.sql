-- Amounts of the events that are due, as the sums of their parts
update costpulse.anomalies as a
set
    actual_usd = coalesce(c.actual_usd, 0),
    expected_usd = coalesce(c.expected_usd, 0),
    causes_at = now()
from staged_anomalies as s
left join (
    select
        event_no,
        sum(actual_usd) as actual_usd,
        sum(expected_usd) as expected_usd
    from staged_anomaly_costs
    group by event_no
) as c on s.event_no = c.event_no
where a.id = s.anomaly_id and s.is_due
