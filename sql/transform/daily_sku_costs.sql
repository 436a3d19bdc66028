-- usage_date x SKU x product x unit: sums of daily_costs
insert into costpulse.daily_sku_costs (
    usage_date, sku_name, product, usage_unit,
    usage_quantity, dbu_count, list_cost_usd, cost_usd, unpriced_quantity, record_count
)
select
    d.usage_date,
    d.sku_name,
    d.product,
    d.usage_unit,
    sum(d.usage_quantity) as usage_quantity,
    sum(d.dbu_count) as dbu_count,
    sum(d.list_cost_usd) as list_cost_usd,
    sum(d.cost_usd) as cost_usd,
    sum(d.unpriced_quantity) as unpriced_quantity,
    sum(d.record_count) as record_count
from costpulse.daily_costs as d
where d.usage_date = any(%(days)s::date[])
group by d.usage_date, d.sku_name, d.product, d.usage_unit
