-- one row: what is collected, in numbers
select
    coalesce((select sum(c.record_count) from costpulse.daily_sku_costs as c), 0) as usage_rows,
    (select count(*) from costpulse.cost_records) as records,
    count(*) as days,
    min(d.usage_date) as first_day,
    max(d.usage_date) as last_day,
    coalesce((select sum(c.cost_usd) from costpulse.daily_sku_costs as c), 0) as cost_usd,
    (select coalesce(sum(r.record_count), 0) from costpulse.cost_records as r where r.effective_rate is null)
        as unpriced_rows
from costpulse.collected_days as d
where d.source = 'cost_records'
