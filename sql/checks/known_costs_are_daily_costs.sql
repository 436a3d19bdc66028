-- no row: a day, workspace, SKU, product, unit and team where what is known now is not exactly daily_costs
with sides as (
    select
        k.usage_date,
        k.workspace_id,
        k.sku_name,
        k.product,
        k.usage_unit,
        k.team_id,
        k.usage_quantity,
        k.unpriced_quantity,
        k.list_cost_usd,
        k.cost_usd,
        1 as known,
        0 as daily
    from costpulse.known_costs as k
    where k.usage_date = any(%(days)s::date[]) and k.known_to is null
    union all
    select
        d.usage_date,
        d.workspace_id,
        d.sku_name,
        d.product,
        d.usage_unit,
        d.team_id,
        d.usage_quantity,
        d.unpriced_quantity,
        d.list_cost_usd,
        d.cost_usd,
        0 as known,
        1 as daily
    from costpulse.daily_costs as d
    where d.usage_date = any(%(days)s::date[])
)

select
    s.usage_date,
    s.workspace_id,
    s.sku_name,
    s.product,
    s.usage_unit,
    s.team_id,
    s.usage_quantity,
    s.cost_usd,
    sum(s.known) as known,
    sum(s.daily) as daily
from sides as s
group by
    s.usage_date, s.workspace_id, s.sku_name, s.product, s.usage_unit, s.team_id, s.usage_quantity,
    s.unpriced_quantity, s.list_cost_usd, s.cost_usd
having sum(s.known) <> 1 or sum(s.daily) <> 1
order by s.usage_date, s.team_id, s.sku_name
limit 20
