-- team x workspace x product x SKU x unit: what an open month cost as it was known at the end of a day
with costs as (
    select
        %(month)s::date as month,
        k.team_id,
        k.workspace_id,
        k.product,
        k.sku_name,
        k.usage_unit,
        sum(k.usage_quantity) as usage_quantity,
        sum(k.unpriced_quantity) as unpriced_quantity,
        sum(k.list_cost_usd) as list_cost_usd,
        sum(k.cost_usd) as cost_usd
    from costpulse.known_costs as k
    where
        k.usage_date >= %(month)s::date
        and k.usage_date < %(month)s::date + interval '1 month'
        and k.known_from <= %(day)s::date
        and (k.known_to is null or k.known_to > %(day)s::date)
    group by k.team_id, k.workspace_id, k.product, k.sku_name, k.usage_unit
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
