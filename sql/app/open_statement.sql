-- team x workspace x product x SKU x unit: what an open month costs as it is now
with costs as (
    select
        %(month)s::date as month,
        d.team_id,
        d.workspace_id,
        d.product,
        d.sku_name,
        d.usage_unit,
        sum(d.usage_quantity) as usage_quantity,
        sum(d.unpriced_quantity) as unpriced_quantity,
        sum(d.list_cost_usd) as list_cost_usd,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_costs as d
    where d.usage_date >= %(month)s::date and d.usage_date < %(month)s::date + interval '1 month'
    group by d.team_id, d.workspace_id, d.product, d.sku_name, d.usage_unit
)

select
    c.month,
    c.month as booked_month,
    'open' as kind,
    null as cause,
    null::date as booked_on,
    c.team_id,
    case when c.team_id is not null then coalesce(t.name, 'Team ' || c.team_id) end as team_name,
    c.workspace_id,
    c.product,
    c.sku_name,
    c.usage_unit,
    c.usage_quantity,
    c.unpriced_quantity,
    c.list_cost_usd,
    c.cost_usd
from costs as c
left join costpulse.teams as t on c.team_id = t.id
order by team_name, c.team_id, c.workspace_id, c.sku_name, c.usage_unit
