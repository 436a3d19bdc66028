-- one row: days known, days not final, and the newest final day without an older day that is missing or not final
select
    count(*) as days,
    count(*) filter (where c.is_provisional) as provisional_days,
    coalesce(
        (select min(p.usage_date) - 1 from costpulse.completeness as p where p.is_provisional),
        max(c.usage_date)
    ) as last_final_day
from costpulse.completeness as c
