-- usage_date x key_id x SKU x unit: the bill with the claim that comes first, null where there is none
create temporary view claimed_bill as
select
    b.usage_date,
    b.key_id,
    b.sku_name,
    b.usage_unit,
    b.usage_quantity,
    b.unpriced_quantity,
    b.list_cost_usd,
    b.cost_usd,
    b.record_count,
    f.stage,
    f.team_id,
    f.rule_id,
    f.rule_version,
    f.split_id,
    f.split_version
from matched_bill as b
left join first_claims as f
    on
        b.key_id = f.key_id
        and b.sku_name = f.sku_name
        and b.usage_date >= f.from_date
        and b.usage_date < f.to_date
