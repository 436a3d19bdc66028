-- one row per team, and per workspace and product ever seen: what a budget can be for
select
    'team' as scope_type,
    t.id::text as scope_id,
    t.name
from costpulse.teams as t
union all
select
    'workspace' as scope_type,
    w.workspace_id as scope_id,
    max(w.name) as name
from (
    select
        k.workspace_id,
        null as name
    from costpulse.cost_keys as k
    union all
    select
        s.workspace_id,
        s.name
    from costpulse.workspaces as s
) as w
where w.workspace_id is not null
group by w.workspace_id
union all
select distinct
    'product' as scope_type,
    k.product as scope_id,
    k.product as name
from costpulse.cost_keys as k
order by scope_type, scope_id
