-- day x SKU x unit x price that the bill names a run for
select
    u.usage_date,
    u.sku_name,
    u.usage_unit,
    u.is_serverless,
    u.usage_quantity,
    u.dbu_rate,
    u.effective_rate,
    u.list_cost_usd,
    u.cost_usd
from costpulse.records_of_run(%(id)s, %(run)s) as u
order by u.usage_date, u.sku_name, u.usage_unit, u.dbu_rate
