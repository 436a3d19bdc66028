-- one row per route and team that it is for; team_id NULL: for whatever has no other
select
    coalesce(r.team_id, t.id) as team_id,
    r.team_id is null and r.cost_center is not null as is_of_cost_center,
    r.minimum_severity,
    r.channel
from costpulse.alert_routes as r
left join costpulse.teams as t on btrim(r.cost_center) = btrim(t.cost_center)
where r.cost_center is null or t.id is not null
order by r.id, t.id
