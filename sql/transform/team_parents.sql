-- one row per team: the team above it
select
    t.id::text as team_id,
    t.parent_team_id::text as parent_team_id
from costpulse.teams as t
