-- at most one row: the closing of a month that was in force just before a moment
select
    c.id,
    c.month,
    c.closed_at,
    c.closed_by,
    c.is_automatic,
    c.note
from costpulse.closed_periods as c
where
    c.month = %(month)s
    and c.closed_at < %(before)s::timestamptz
    and (c.reopened_at is null or c.reopened_at >= %(before)s::timestamptz)
order by c.id desc
limit 1
