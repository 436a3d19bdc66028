-- usage_date x key_id x SKU x unit x team: sums of key_allocations over rule and method
insert into costpulse.daily_key_costs (
    usage_date, key_id, sku_name, usage_unit, team_id,
    usage_quantity, dbu_count, list_cost_usd, cost_usd, unpriced_quantity, record_count
)
select
    a.usage_date,
    a.key_id,
    a.sku_name,
    a.usage_unit,
    a.team_id,
    sum(a.usage_quantity) as usage_quantity,
    sum(a.usage_quantity) filter (where a.usage_unit = 'DBU') as dbu_count,
    sum(a.list_cost_usd) as list_cost_usd,
    sum(a.cost_usd) as cost_usd,
    sum(a.unpriced_quantity) as unpriced_quantity,
    sum(a.record_count) as record_count
from costpulse.key_allocations as a
where a.usage_date = any(%(days)s::date[])
group by a.usage_date, a.key_id, a.sku_name, a.usage_unit, a.team_id
