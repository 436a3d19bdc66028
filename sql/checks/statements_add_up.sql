-- no row: a closed month's team, workspace, product, SKU and unit where statement and adjustments together do not have
-- exactly the quantity, list cost and cost of daily_costs; of the days, or of all days where none are given
with sides as (
    select
        c.month,
        l.team_id,
        l.workspace_id,
        l.product,
        l.sku_name,
        l.usage_unit,
        l.usage_quantity as booked_quantity,
        l.unpriced_quantity as booked_unpriced,
        l.list_cost_usd as booked_list,
        l.cost_usd as booked_cost,
        0 as quantity,
        0 as unpriced,
        0 as list,
        0 as cost
    from costpulse.closed_periods as c
    inner join costpulse.statement_lines as l on c.id = l.closing_id
    where
        c.reopened_at is null
        and (%(days)s::date[] is null or l.usage_date = any(%(days)s::date[]))
    union all
    select
        c.month,
        d.team_id,
        d.workspace_id,
        d.product,
        d.sku_name,
        d.usage_unit,
        0 as booked_quantity,
        0 as booked_unpriced,
        0 as booked_list,
        0 as booked_cost,
        d.usage_quantity as quantity,
        d.unpriced_quantity as unpriced,
        d.list_cost_usd as list,
        d.cost_usd as cost
    from costpulse.closed_periods as c
    inner join costpulse.daily_costs as d
        on c.month <= d.usage_date and d.usage_date < c.month + interval '1 month'
    where
        c.reopened_at is null
        and (%(days)s::date[] is null or d.usage_date = any(%(days)s::date[]))
)

select
    s.month,
    s.team_id,
    s.workspace_id,
    s.product,
    s.sku_name,
    s.usage_unit,
    coalesce(sum(s.booked_cost), 0) as booked_cost_usd,
    coalesce(sum(s.cost), 0) as cost_usd,
    sum(s.booked_quantity) as booked_quantity,
    sum(s.quantity) as quantity
from sides as s
group by s.month, s.team_id, s.workspace_id, s.product, s.sku_name, s.usage_unit
having
    sum(s.booked_quantity) <> sum(s.quantity)
    or sum(s.booked_unpriced) <> sum(s.unpriced)
    or coalesce(sum(s.booked_list), 0) <> coalesce(sum(s.list), 0)
    or coalesce(sum(s.booked_cost), 0) <> coalesce(sum(s.cost), 0)
order by s.month, s.team_id, s.sku_name
limit 20
