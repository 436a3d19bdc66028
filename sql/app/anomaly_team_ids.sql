-- one row per team that the cost of a team counts: itself and those below it
select s.team_id::text as team
from costpulse.team_scopes as s
where s.scope_team_id::text = %(team)s
order by s.team_id
