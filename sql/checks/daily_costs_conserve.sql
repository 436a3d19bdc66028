-- no row: a day and SKU where daily_costs do not have exactly the quantity, list cost and cost of cost_records
with recorded as (
    select
        r.usage_date,
        r.sku_name,
        sum(r.usage_quantity) as usage_quantity,
        coalesce(sum(r.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(r.cost_usd), 0) as cost_usd,
        sum(r.record_count) as record_count
    from costpulse.cost_records as r
    where r.usage_date = any(%(days)s::date[])
    group by r.usage_date, r.sku_name
),

derived as (
    select
        d.usage_date,
        d.sku_name,
        sum(d.usage_quantity) as usage_quantity,
        coalesce(sum(d.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(d.cost_usd), 0) as cost_usd,
        sum(d.record_count) as record_count
    from costpulse.daily_costs as d
    where d.usage_date = any(%(days)s::date[])
    group by d.usage_date, d.sku_name
)

select
    coalesce(r.usage_date, d.usage_date) as usage_date,
    coalesce(r.sku_name, d.sku_name) as sku_name,
    r.cost_usd as recorded_cost_usd,
    d.cost_usd as derived_cost_usd,
    r.usage_quantity as recorded_quantity,
    d.usage_quantity as derived_quantity
from recorded as r
full join derived as d on r.usage_date = d.usage_date and r.sku_name = d.sku_name
where
    r.usage_quantity is distinct from d.usage_quantity
    or r.list_cost_usd is distinct from d.list_cost_usd
    or r.cost_usd is distinct from d.cost_usd
    or r.record_count is distinct from d.record_count
order by usage_date, sku_name
limit 20
