-- usage_date x key_id x SKU x unit: every dollar and every unit of quantity, all of it Unallocated until rules exist
insert into costpulse.key_allocations (
    usage_date, key_id, sku_name, usage_unit, team_id, rule_id, method, share,
    usage_quantity, unpriced_quantity, list_cost_usd, cost_usd, record_count
)
select
    r.usage_date,
    r.key_id,
    r.sku_name,
    r.usage_unit,
    null as team_id,
    null as rule_id,
    'unallocated' as method,
    1 as share,
    sum(r.usage_quantity) as usage_quantity,
    coalesce(sum(r.usage_quantity) filter (where r.effective_rate is null), 0) as unpriced_quantity,
    sum(r.list_cost_usd) as list_cost_usd,
    sum(r.cost_usd) as cost_usd,
    sum(r.record_count) as record_count
from costpulse.cost_records as r
where r.usage_date = any(%(days)s::date[])
group by r.usage_date, r.key_id, r.sku_name, r.usage_unit
