-- one row per team
select t.name
from costpulse.teams as t
order by lower(t.name)
