-- one row per SKU x unit of the points handed in: what they cost at the prices of one day, and which adjustments make
-- these; cost is NULL where no part of it has a price
select
    p.sku_name,
    p.usage_unit,
    sum(p.usage_quantity) as usage_quantity,
    sum(round(p.usage_quantity * f.effective_rate, 18)) as cost_usd,
    array_agg(distinct f.price_adjustment_id) filter (where f.price_adjustment_id is not null) as adjustment_ids
from
    unnest(%(sku_names)s::text[], %(usage_units)s::text[], %(dbu_rates)s::numeric[], %(quantities)s::numeric[])
        as p (sku_name, usage_unit, dbu_rate, usage_quantity)
cross join lateral costpulse.price_in_force(p.sku_name, %(as_of)s::date, p.dbu_rate) as f
group by p.sku_name, p.usage_unit
order by p.sku_name, p.usage_unit
