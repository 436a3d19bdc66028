-- one row per SKU without a price in the days: what is shown by name and never guessed
select
    r.sku_name,
    r.usage_unit,
    sum(r.record_count) as record_count,
    sum(r.usage_quantity) as usage_quantity,
    min(r.usage_date) as first_usage_date,
    max(r.usage_date) as last_usage_date
from costpulse.cost_records as r
where r.usage_date = any(%(days)s::date[]) and r.effective_rate is null
group by r.sku_name, r.usage_unit
order by record_count desc, r.sku_name asc
