-- rows that say what a person may do: that of the e-mail address, else those of the groups; scope: ids of the teams
-- whose rows are seen, with all below them, NULL for everything
with fitting as (
    select
        v.kind,
        v.role,
        v.team_ids
    from costpulse.viewers as v
    where
        v.kind = 'email' and lower(v.name) = lower(%(email)s::text)
        or v.kind = 'group' and lower(v.name) = any(select lower(g.name) from unnest(%(groups)s::text[]) as g (name))
)

select
    f.role,
    case
        when f.team_ids is not null
            then array(
                select distinct s.team_id from costpulse.team_scopes as s where s.scope_team_id = any(f.team_ids)
            )
    end as scope
from fitting as f
where f.kind = 'email' or not exists (select from fitting as o where o.kind = 'email')
