-- one row per workspace and team: what an id is called on the pages
select
    'workspace' as dimension,
    w.workspace_id as id,
    w.name
from costpulse.workspaces as w
union all
select
    'team' as dimension,
    t.id::text as id,
    t.name
from costpulse.teams as t
