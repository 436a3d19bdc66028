-- dimension x value of a closed month's statement: its own lines and the adjustments booked on it, of all teams or of
-- one with the teams below it. Dimension total has one row, also where there are no lines; dimension line is month of
-- the usage x kind x cause. Team null is Unallocated, workspace null the account itself.
with lines as (
    select
        l.month,
        l.kind,
        l.cause,
        l.created_at,
        l.team_id,
        l.team_name,
        l.workspace_id,
        l.product,
        l.sku_name,
        l.usage_unit,
        l.usage_quantity,
        l.unpriced_quantity,
        l.list_cost_usd,
        l.cost_usd
    from costpulse.statement_lines as l
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
),

sums as (
    select
        case
            when grouping(l.team_id) = 0 then 'team'
            when grouping(l.workspace_id) = 0 then 'workspace'
            when grouping(l.sku_name) = 0 then 'sku'
            when grouping(l.product) = 0 then 'product'
            when grouping(l.month) = 0 then 'line'
            else 'total'
        end as dimension,
        l.team_id,
        -- as the statement says it, else the newest adjustment
        (array_agg(l.team_name order by l.kind = 'adjustment', l.created_at desc))[1] as team_name,
        l.workspace_id,
        l.sku_name,
        l.usage_unit,
        l.product,
        l.month as first_day,
        l.kind,
        l.cause,
        sum(l.usage_quantity) as usage_quantity,
        sum(l.unpriced_quantity) as unpriced_quantity,
        sum(l.cost_usd) filter (where l.kind = 'statement') as statement_usd,
        coalesce(sum(l.cost_usd) filter (where l.cause = 'restatement'), 0) as restatement_usd,
        coalesce(sum(l.cost_usd) filter (where l.cause = 'price'), 0) as price_usd,
        coalesce(sum(l.cost_usd) filter (where l.cause = 'rule'), 0) as rule_usd,
        coalesce(sum(l.cost_usd) filter (where l.kind = 'adjustment'), 0) as adjustment_usd,
        sum(l.list_cost_usd) as list_cost_usd,
        sum(l.cost_usd) as cost_usd,
        count(*) as row_count
    from lines as l
    group by
        grouping sets (
            (),
            (l.team_id),
            (l.workspace_id),
            (l.sku_name, l.usage_unit),
            (l.product),
            (l.month, l.kind, l.cause)
        )
)

select
    s.dimension,
    s.team_id,
    case when s.dimension = 'team' then coalesce(s.team_name, 'Unallocated') end as team,
    t.department,
    t.cost_center,
    s.workspace_id,
    case
        when s.dimension = 'workspace' and s.workspace_id is null then 'Account level'
        when s.dimension = 'workspace' then coalesce(w.name, s.workspace_id)
    end as workspace,
    s.product,
    s.sku_name,
    s.usage_unit,
    s.first_day,
    s.kind,
    s.cause,
    s.usage_quantity,
    s.unpriced_quantity,
    s.statement_usd,
    s.restatement_usd,
    s.price_usd,
    s.rule_usd,
    s.adjustment_usd,
    s.list_cost_usd,
    s.cost_usd,
    round(100 * (s.list_cost_usd - s.cost_usd) / nullif(s.list_cost_usd, 0), 6) as saved_percent,
    round(100 * s.cost_usd / nullif(a.cost_usd, 0), 6) as share_percent,
    s.row_count
from sums as s
inner join sums as a on a.dimension = 'total'
left join costpulse.teams as t on s.team_id = t.id
left join costpulse.workspaces as w on s.workspace_id = w.workspace_id
order by
    s.dimension asc,
    s.kind desc nulls last,
    s.first_day asc nulls last,
    s.cause asc nulls last,
    (s.dimension = 'team' and s.team_id is null) asc,
    s.cost_usd desc nulls last,
    coalesce(s.team_name, w.name, s.sku_name, s.product) collate pg_catalog."C" asc nulls last,
    s.team_id asc,
    s.workspace_id collate pg_catalog."C" asc nulls last,
    s.usage_unit collate pg_catalog."C" asc
