-- one row per billed month of the file: what it is compared with, and how much of that we have
select
    m.month,
    m.first_day,
    m.last_day,
    m.as_of,
    (
        select count(*) from costpulse.collected_days as c
        where c.source = 'cost_records' and c.usage_date between m.first_day and m.last_day
    ) as collected_days
from reconcile_months as m
order by m.month
