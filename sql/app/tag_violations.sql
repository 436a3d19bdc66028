-- one row per resource that lacks tags, worst first, with the number and the cost of all of them, shown or not.
-- In the filters '~' stands for: no team, nobody known.
with shown as (
    select
        v.*,
        count(*) over () as all_resources,
        sum(v.violating_cost_usd) over () as all_violating_cost_usd
    from costpulse.tag_violations as v
    where
        (%(workspaces)s::text[] is null or v.workspace_id = any(%(workspaces)s::text[]))
        and (%(teams)s::text[] is null or coalesce(v.team_id::text, '~') = any(%(teams)s::text[]))
        and (%(owner)s::text is null or coalesce(v.owner, '~') = %(owner)s::text)
        and (
            %(key)s::text is null
            or %(key)s::text = any(v.missing_keys)
            or %(key)s::text = any(v.blank_keys)
            or v.wrong_values @> jsonb_build_array(jsonb_build_object('key', %(key)s::text))
        )
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
    v.to_date,
    v.all_resources,
    v.all_violating_cost_usd
from shown as v
left join costpulse.workspaces as w on v.workspace_id = w.workspace_id
left join costpulse.teams as t on v.team_id = t.id
order by
    v.violating_cost_usd desc, v.cost_usd desc, v.workspace_id asc, v.resource_type asc, v.resource_kind asc,
    v.resource_id asc
limit %(largest)s::bigint
