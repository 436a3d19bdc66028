-- one row: the team of a name, however it is written
select
    t.id,
    t.name
from costpulse.teams as t
where lower(t.name) = lower(btrim(%(name)s))
