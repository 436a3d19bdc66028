-- one row per resource that lacks tags, most expensive first
with shown as (
    select v.*
    from costpulse.tag_violations as v
    where
        (%(workspaces)s::text[] is null or v.workspace_id = any(%(workspaces)s::text[]))
        and (%(teams)s::bigint[] is null or v.team_id = any(%(teams)s::bigint[]))
        and (%(owner)s::text is null or v.owner = %(owner)s)
)

select
    v.workspace_id,
    w.name as workspace_name,
    v.resource_type,
    v.resource_kind,
    v.resource_id,
    v.resource_name,
    v.team_id,
    t.name as team_name,
    v.owner,
    v.missing_keys,
    v.blank_keys,
    v.wrong_values,
    v.cost_usd,
    v.violating_cost_usd,
    v.last_violation_on,
    v.from_date,
    v.to_date
from shown as v
left join costpulse.workspaces as w on v.workspace_id = w.workspace_id
left join costpulse.teams as t on v.team_id = t.id
order by
    v.violating_cost_usd desc, v.cost_usd desc, v.workspace_id asc, v.resource_type asc, v.resource_kind asc,
    v.resource_id asc
limit %(largest)s
