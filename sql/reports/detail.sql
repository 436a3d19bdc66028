-- usage_date x team x workspace x product x SKU x unit of a period, of all teams or of one with the teams below it, in
-- an order that never changes
select
    d.usage_date,
    case when d.team_id is null then 'Unallocated' else coalesce(t.name, 'Team ' || d.team_id) end as team,
    t.department,
    t.cost_center,
    d.workspace_id,
    w.name as workspace,
    d.product,
    d.sku_name,
    d.usage_unit,
    d.usage_quantity,
    d.list_cost_usd,
    d.cost_usd,
    d.unpriced_quantity,
    p.is_provisional is not false as is_provisional
from costpulse.daily_costs as d
left join costpulse.teams as t on d.team_id = t.id
left join costpulse.workspaces as w on d.workspace_id = w.workspace_id
left join costpulse.completeness as p on d.usage_date = p.usage_date
where
    d.usage_date between %(first)s and %(last)s
    and (
        %(team_id)s::bigint is null
        or d.team_id in (
            select b.team_id from costpulse.team_scopes as b where b.scope_team_id = %(team_id)s::bigint
        )
    )
order by
    d.usage_date asc,
    t.name collate pg_catalog."C" asc nulls last,
    d.team_id asc nulls last,
    d.workspace_id collate pg_catalog."C" asc nulls last,
    d.product collate pg_catalog."C" asc,
    d.sku_name collate pg_catalog."C" asc,
    d.usage_unit collate pg_catalog."C" asc
