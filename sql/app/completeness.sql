-- one row per collected day: how much of it is in, up to which hour, and whether it may be judged
select
    s.usage_date,
    s.share_in,
    s.in_until,
    s.is_provisional
from costpulse.completeness as s
order by s.usage_date
