-- usage_date x key_id x SKU x unit: the bill of the days, put together again from what the teams have of it
create temporary view bill as
select
    d.usage_date,
    d.key_id,
    d.sku_name,
    d.usage_unit,
    sum(d.usage_quantity) as usage_quantity,
    sum(d.unpriced_quantity) as unpriced_quantity,
    sum(d.list_cost_usd) as list_cost_usd,
    sum(d.cost_usd) as cost_usd,
    sum(d.record_count)::bigint as record_count
from costpulse.daily_key_costs as d
where d.usage_date = any(%(days)s::date[])
group by d.usage_date, d.key_id, d.sku_name, d.usage_unit
