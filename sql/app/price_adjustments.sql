-- one row per price adjustment, the older ones first: what people typed, days inclusive
select
    p.id,
    p.sku_pattern,
    p.percentage,
    p.fixed_rate,
    p.valid_from,
    p.valid_to - 1 as valid_to,
    p.note,
    p.updated_at
from costpulse.price_adjustments as p
order by p.id
