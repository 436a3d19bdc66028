-- one row per owner of resources that lack tags, most expensive first; owner null: nobody is known
select
    v.owner,
    count(*) as resources,
    sum(v.cost_usd) as cost_usd,
    sum(v.violating_cost_usd) as violating_cost_usd,
    min(v.from_date) as from_date,
    max(v.to_date) as to_date
from costpulse.tag_violations as v
where
    (%(workspaces)s::text[] is null or v.workspace_id = any(%(workspaces)s::text[]))
    and (%(teams)s::bigint[] is null or v.team_id = any(%(teams)s::bigint[]))
group by v.owner
order by sum(v.violating_cost_usd) desc, count(*) desc, v.owner asc
