-- usage_date x key_id x SKU x unit x team x rule x method: what one team owns alone, and the parts of what is shared
create temporary view allocated as
select
    c.usage_date,
    c.key_id,
    c.sku_name,
    c.usage_unit,
    c.team_id,
    c.rule_id,
    c.rule_version,
    null::bigint as split_id,
    null::integer as split_version,
    case c.stage when 1 then 'rule' when 3 then 'user' when 4 then 'tag' else 'unallocated' end as method,
    1::numeric as share,
    c.usage_quantity,
    c.unpriced_quantity,
    c.list_cost_usd,
    c.cost_usd,
    c.record_count
from claimed_bill as c
where c.split_id is null
union all
select
    p.usage_date,
    p.key_id,
    p.sku_name,
    p.usage_unit,
    p.team_id,
    null::bigint as rule_id,
    null::integer as rule_version,
    p.split_id,
    p.split_version,
    p.method,
    p.share,
    p.usage_quantity,
    p.unpriced_quantity,
    p.list_cost_usd,
    p.cost_usd,
    p.record_count
from split_parts as p
