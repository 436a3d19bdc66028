-- one row per owner of resources that lack tags, most expensive first; owner null: nobody is known.
-- In the filters '~' stands for: no team.
select
    v.owner,
    count(*) as resources,
    sum(v.cost_usd) as cost_usd,
    sum(v.violating_cost_usd) as violating_cost_usd
from costpulse.tag_violations as v
where
    (%(workspaces)s::text[] is null or v.workspace_id = any(%(workspaces)s::text[]))
    and (%(teams)s::text[] is null or coalesce(v.team_id::text, '~') = any(%(teams)s::text[]))
group by v.owner
order by sum(v.violating_cost_usd) desc, count(*) desc, v.owner asc
