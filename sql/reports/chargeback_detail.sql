-- usage_date x team x method x rule or split x workspace x product x SKU of a period, of all teams or of one with the
-- teams below it, in an order that never changes
select
    a.usage_date,
    case when a.team_id is null then 'Unallocated' else coalesce(t.name, 'Team ' || a.team_id) end as team,
    t.cost_center,
    a.method,
    case
        when a.rule_id is not null then coalesce(r.name, 'Rule ' || a.rule_id)
        when a.split_id is not null then coalesce(s.name, 'Split ' || a.split_id)
    end as rule,
    a.workspace_id,
    w.name as workspace,
    a.product,
    a.sku_name,
    a.list_cost_usd,
    a.total_cost as cost_usd,
    p.is_provisional is not false as is_provisional
from costpulse.cost_allocations as a
left join costpulse.teams as t on a.team_id = t.id
left join costpulse.allocation_rules as r on a.rule_id = r.id
left join costpulse.cost_splits as s on a.split_id = s.id
left join costpulse.workspaces as w on a.workspace_id = w.workspace_id
left join costpulse.completeness as p on a.usage_date = p.usage_date
where
    a.usage_date between %(first)s and %(last)s
    and (
        %(team_id)s::bigint is null
        or a.team_id in (
            select b.team_id from costpulse.team_scopes as b where b.scope_team_id = %(team_id)s::bigint
        )
    )
order by
    a.usage_date asc,
    t.name collate pg_catalog."C" asc nulls last,
    a.team_id asc nulls last,
    a.method asc,
    a.rule_id asc nulls last,
    a.split_id asc nulls last,
    a.workspace_id collate pg_catalog."C" asc nulls last,
    a.product collate pg_catalog."C" asc,
    a.sku_name collate pg_catalog."C" asc
