-- one row per line of a closed month's statement: its own, and the adjustments booked on it, of all teams or of one
-- with the teams below it, in an order that never changes
select
    l.usage_date,
    l.kind,
    l.cause,
    (l.created_at at time zone 'UTC')::date as booked_on,
    coalesce(l.team_name, 'Unallocated') as team,
    t.department,
    t.cost_center,
    l.workspace_id,
    w.name as workspace,
    l.product,
    l.sku_name,
    l.usage_unit,
    l.usage_quantity,
    l.list_cost_usd,
    l.cost_usd,
    l.unpriced_quantity
from costpulse.statement_lines as l
left join costpulse.teams as t on l.team_id = t.id
left join costpulse.workspaces as w on l.workspace_id = w.workspace_id
where
    (
        (l.closing_id = %(closing_id)s and l.kind = 'statement')
        or (l.booked_month = %(first)s and l.kind = 'adjustment')
    )
    and l.voided_at is null
    and (
        %(team_id)s::bigint is null
        or l.team_id in (
            select b.team_id from costpulse.team_scopes as b where b.scope_team_id = %(team_id)s::bigint
        )
    )
order by
    l.kind desc,
    l.usage_date asc,
    l.team_name collate pg_catalog."C" asc nulls last,
    l.team_id asc nulls last,
    l.id asc
