-- one row: the day that the days are written for; where a clock was put back, the newest one that was written for
select greatest(%(today)s::date, max(k.known_until)) as known_from
from costpulse.known_days as k
where k.usage_date = any(%(days)s::date[])
