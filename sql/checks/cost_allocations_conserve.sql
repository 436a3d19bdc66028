-- no row: a day and SKU where cost_allocations do not hold the cost of cost_records, to the last digit
with recorded as (
    select
        r.usage_date,
        r.sku_name,
        coalesce(sum(r.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(r.cost_usd), 0) as cost_usd
    from costpulse.cost_records as r
    where r.usage_date = any(%(days)s::date[])
    group by r.usage_date, r.sku_name
),

derived as (
    select
        a.usage_date,
        a.sku_name,
        coalesce(sum(a.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(a.total_cost), 0) as cost_usd
    from costpulse.cost_allocations as a
    where a.usage_date = any(%(days)s::date[])
    group by a.usage_date, a.sku_name
)

select
    coalesce(r.usage_date, d.usage_date) as usage_date,
    coalesce(r.sku_name, d.sku_name) as sku_name,
    r.cost_usd as recorded_cost_usd,
    d.cost_usd as derived_cost_usd
from recorded as r
full join derived as d on r.usage_date = d.usage_date and r.sku_name = d.sku_name
where
    r.list_cost_usd is distinct from d.list_cost_usd
    or r.cost_usd is distinct from d.cost_usd
order by usage_date, sku_name
limit 20
