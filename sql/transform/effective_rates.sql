-- one row per price point handed in (SKU, day, list rate): the customer's rate and the adjustment that made it
select
    p.sku_name,
    p.usage_date,
    p.dbu_rate,
    f.effective_rate,
    f.price_adjustment_id
from
    unnest(%(sku_names)s::text[], %(usage_dates)s::date[], %(dbu_rates)s::numeric[])
        as p (sku_name, usage_date, dbu_rate)
cross join lateral costpulse.price_in_force(p.sku_name, p.usage_date, p.dbu_rate) as f
