-- one row: how many usage days can be looked at, of all and of a window
select
    count(*) as days,
    count(*) filter (where c.usage_date between %(from_date)s and %(to_date)s) as days_of_window
from costpulse.completeness as c
