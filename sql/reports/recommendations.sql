-- recommendation that is open or accepted now, of all teams or of one with the teams below it, what saves most first;
-- with the number and the savings of all of them
select
    r.title,
    r.resource_type,
    coalesce(r.resource_name, r.resource_id) as resource,
    case when r.team_id is null then 'Unallocated' else coalesce(t.name, 'Team ' || r.team_id) end as team,
    r.severity,
    r.status,
    r.due_date,
    r.estimated_savings as savings_usd,
    count(*) over () as all_count,
    sum(r.estimated_savings) over () as all_savings_usd
from costpulse.recommendations as r
left join costpulse.teams as t on r.team_id = t.id
where
    r.status in ('open', 'accepted')
    and (
        %(team_id)s::bigint is null
        or r.team_id in (
            select b.team_id from costpulse.team_scopes as b where b.scope_team_id = %(team_id)s::bigint
        )
    )
order by r.estimated_savings desc, r.id asc
limit %(largest)s
