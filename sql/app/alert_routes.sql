-- one row per route, those of teams first, then those of cost centres: what people typed; a team goes by its name
select
    r.id,
    t.name as team,
    r.cost_center,
    r.minimum_severity,
    r.channel
from costpulse.alert_routes as r
left join costpulse.teams as t on r.team_id = t.id
order by
    lower(t.name) asc nulls last,
    lower(r.cost_center) asc nulls last,
    array_position(array['info', 'warning', 'critical'], r.minimum_severity),
    r.channel
