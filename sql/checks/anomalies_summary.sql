-- what is open: events that are shown, by severity, and what they are off
select
    count(*) as events,
    count(*) filter (where a.severity = 'critical') as critical,
    count(*) filter (where a.severity = 'high') as high,
    count(*) filter (where a.severity = 'medium') as medium,
    coalesce(sum(a.impact_usd) filter (where a.direction = 'up'), 0) as above_usd,
    coalesce(sum(a.impact_usd) filter (where a.direction = 'down'), 0) as below_usd
from costpulse.anomalies as a
where a.parent_id is null and a.status in ('open', 'acknowledged')
