-- the rows of bill, once for all statements that read them
create temporary table matched_bill on commit drop as
select
    b.usage_date,
    b.key_id,
    b.sku_name,
    b.usage_unit,
    b.usage_quantity,
    b.unpriced_quantity,
    b.list_cost_usd,
    b.cost_usd,
    b.record_count
from bill as b
