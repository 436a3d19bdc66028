-- usage_date of the months: when it was last collected, and whether it is complete
select
    d.usage_date,
    d.collected_at,
    coalesce(not c.is_provisional, false) as is_complete
from costpulse.collected_days as d
left join costpulse.completeness as c on d.usage_date = c.usage_date
where
    d.source = 'cost_records'
    and d.usage_date between %(first_day)s and %(last_day)s
order by d.usage_date
