-- one row per SKU x unit of which some usage has no price: its quantity is in no amount
select
    c.sku_name,
    c.usage_unit,
    sum(c.unpriced_quantity) as unpriced_quantity,
    min(c.usage_date) as first_day,
    max(c.usage_date) as last_day
from {rollup} as c
where
    c.usage_date between %(first)s and %(last)s
    and c.unpriced_quantity <> 0
    and {filters}
group by 1, 2
order by 1, 2
