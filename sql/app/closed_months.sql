-- one row per month that is closed
select
    c.month,
    c.closed_at,
    c.closed_by,
    c.is_automatic,
    c.note
from costpulse.closed_periods as c
where c.reopened_at is null
order by c.month
