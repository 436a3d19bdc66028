-- one row per closed month whose statement holds adjustments of a closing
select l.booked_month
from costpulse.statement_lines as l
where
    l.closing_id = %(closing_id)s
    and l.kind = 'adjustment'
    and l.voided_at is null
    and l.booked_month in (select c.month from costpulse.closed_periods as c where c.reopened_at is null)
group by l.booked_month
order by l.booked_month
