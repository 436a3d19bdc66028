-- dimension x value: what a period cost, of all teams or of one with the teams below it. Dimension total has one row,
-- also where there is no cost. Team null is Unallocated, workspace null the account itself.
with costs as (
    select
        d.usage_date,
        date_trunc('month', d.usage_date::timestamp)::date as month,
        d.team_id,
        d.workspace_id,
        d.product,
        d.sku_name,
        d.usage_unit,
        d.usage_quantity,
        d.unpriced_quantity,
        d.list_cost_usd,
        d.cost_usd
    from costpulse.daily_costs as d
    where
        d.usage_date between %(first)s and %(last)s
        and (
            %(team_id)s::bigint is null
            or d.team_id in (
                select b.team_id from costpulse.team_scopes as b where b.scope_team_id = %(team_id)s::bigint
            )
        )
),

sums as (
    select
        case
            when grouping(c.team_id) = 0 then 'team'
            when grouping(c.workspace_id) = 0 then 'workspace'
            when grouping(c.sku_name) = 0 then 'sku'
            when grouping(c.product) = 0 then 'product'
            when grouping(c.month) = 0 then 'month'
            when grouping(c.usage_date) = 0 then 'day'
            else 'total'
        end as dimension,
        c.team_id,
        c.workspace_id,
        c.sku_name,
        c.usage_unit,
        c.product,
        coalesce(c.month, c.usage_date) as first_day,
        sum(c.usage_quantity) as usage_quantity,
        sum(c.unpriced_quantity) as unpriced_quantity,
        sum(c.list_cost_usd) as list_cost_usd,
        sum(c.cost_usd) as cost_usd,
        count(*) as row_count
    from costs as c
    group by
        grouping sets (
            (), (c.team_id), (c.workspace_id), (c.sku_name, c.usage_unit), (c.product), (c.month), (c.usage_date)
        )
),

-- of the whole, which is the row without a value
whole as (
    select
        s.list_cost_usd,
        s.cost_usd
    from sums as s
    where s.dimension = 'total'
)

select
    s.dimension,
    s.team_id,
    case
        when s.dimension = 'team' and s.team_id is null then 'Unallocated'
        when s.dimension = 'team' then coalesce(t.name, 'Team ' || s.team_id)
    end as team,
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
    s.usage_quantity,
    s.unpriced_quantity,
    s.list_cost_usd,
    s.cost_usd,
    round(100 * (s.list_cost_usd - s.cost_usd) / nullif(s.list_cost_usd, 0), 6) as saved_percent,
    round(100 * s.cost_usd / nullif(a.cost_usd, 0), 6) as share_percent,
    s.row_count
from sums as s
cross join whole as a
left join costpulse.teams as t on s.team_id = t.id
left join costpulse.workspaces as w on s.workspace_id = w.workspace_id
order by
    s.dimension asc,
    s.first_day asc nulls last,
    (s.dimension = 'team' and s.team_id is null) asc,
    s.cost_usd desc nulls last,
    coalesce(t.name, w.name, s.sku_name, s.product) collate pg_catalog."C" asc nulls last,
    s.team_id asc,
    s.workspace_id collate pg_catalog."C" asc nulls last,
    s.usage_unit collate pg_catalog."C" asc
