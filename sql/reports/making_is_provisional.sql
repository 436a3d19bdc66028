-- one row: whether days of a period are not final, those not collected yet included; none is missed before the first
with days as (
    select
        count(*) filter (where c.usage_date >= %(first_day)s and not c.is_provisional) as final_days,
        greatest(min(c.usage_date), %(first_day)s) as first_day
    from costpulse.completeness as c
    where c.usage_date <= %(last_day)s
)

select coalesce(d.final_days < %(last_day)s::date - d.first_day + 1, true) as is_provisional
from days as d
