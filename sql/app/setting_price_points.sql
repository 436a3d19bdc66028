-- one row per SKU x unit x list rate: what was used of it in the days
select
    p.sku_name,
    p.usage_unit,
    p.dbu_rate,
    sum(p.usage_quantity) as usage_quantity
from costpulse.key_prices as p
where p.usage_date between %(first)s::date and %(last)s::date
group by p.sku_name, p.usage_unit, p.dbu_rate
order by p.sku_name, p.usage_unit, p.dbu_rate
