-- one row per team: what a route can be for
select
    t.id as team_id,
    t.name as team,
    t.cost_center
from costpulse.teams as t
order by lower(t.name)
