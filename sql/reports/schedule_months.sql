-- one row per month that was closed since a moment and still is
select
    c.id as closing_id,
    c.month
from costpulse.closed_periods as c
where c.reopened_at is null and c.closed_at >= %(since)s
order by c.month
