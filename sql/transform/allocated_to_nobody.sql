-- usage_date x key_id x SKU x unit: all of it Unallocated, where nothing claims anything
create temporary view allocated as
select
    b.usage_date,
    b.key_id,
    b.sku_name,
    b.usage_unit,
    null::bigint as team_id,
    null::bigint as rule_id,
    null::integer as rule_version,
    null::bigint as split_id,
    null::integer as split_version,
    'unallocated' as method,
    1::numeric as share,
    b.usage_quantity,
    b.unpriced_quantity,
    b.list_cost_usd,
    b.cost_usd,
    b.record_count
from bill as b
