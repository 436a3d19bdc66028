-- one row: the newest month that was ever closed, reopened or not; null before the first
select max(c.month) as month
from costpulse.closed_periods as c
