-- usage_date x key_id x SKU x unit x team x rule x method: what the pass allocated, kept
insert into costpulse.key_allocations (
    usage_date, key_id, sku_name, usage_unit, team_id, rule_id, rule_version, split_id, split_version, method, share,
    usage_quantity, unpriced_quantity, list_cost_usd, cost_usd, record_count
)
select
    a.usage_date,
    a.key_id,
    a.sku_name,
    a.usage_unit,
    a.team_id,
    a.rule_id,
    a.rule_version,
    a.split_id,
    a.split_version,
    a.method,
    a.share,
    a.usage_quantity,
    a.unpriced_quantity,
    a.list_cost_usd,
    a.cost_usd,
    a.record_count
from allocated as a
