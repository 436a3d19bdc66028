-- key_id x SKU x days x claim: all claims that match, also those that do not come first
create temporary view key_claims as
select
    k.key_id,
    k.sku_name,
    lower(d.days) as from_date,
    upper(d.days) as to_date,
    m.claim_id
from key_classes as k
inner join class_claims as m on k.classes = m.classes
cross join lateral unnest(m.days) as d (days)
