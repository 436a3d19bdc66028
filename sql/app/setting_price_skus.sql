-- one row per SKU that was seen, in the price list or in usage, and that a pattern hits
with seen as (
    select l.sku_name from costpulse.list_prices as l
    union
    select d.sku_name from costpulse.daily_sku_costs as d
)

select s.sku_name
from seen as s
where costpulse.matches_glob(s.sku_name, %(pattern)s::text)
order by s.sku_name
