-- one row if all days of a week are collected and final
select max(c.usage_date) as last_day
from costpulse.completeness as c
where c.usage_date between %(first_day)s and %(last_day)s and not c.is_provisional
having count(*) = %(last_day)s::date - %(first_day)s::date + 1
