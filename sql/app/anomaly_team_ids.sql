-- one row per team that the cost of a team counts: itself and those below it
with recursive below as (
    select t.id
    from costpulse.teams as t
    where t.id::text = %(team)s
    union
    select t.id
    from costpulse.teams as t
    inner join below as b on t.parent_team_id = b.id
)

select b.id::text as team
from below as b
order by b.id
