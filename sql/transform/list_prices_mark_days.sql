-- collected days that hold usage of a SKU whose price in force differs between the known and the staged list:
-- they are collected again. A window that only ends earlier or later touches the days between the two ends.
with known as (
    select
        cloud,
        sku_name,
        usage_unit,
        effective_rate,
        price_start_time,
        coalesce(price_end_time, 'infinity') as price_end_time
    from costpulse.list_prices
    where currency_code = %(currency)s
),

staged as (
    select
        cloud,
        sku_name,
        usage_unit,
        effective_rate,
        price_start_time,
        coalesce(price_end_time, 'infinity') as price_end_time
    from staged_list_prices
),

differences as (
    select
        coalesce(s.cloud, k.cloud) as cloud,
        coalesce(s.sku_name, k.sku_name) as sku_name,
        coalesce(s.usage_unit, k.usage_unit) as usage_unit,
        case
            when (s.effective_rate is not distinct from k.effective_rate)
                then least(s.price_end_time, k.price_end_time)
            else coalesce(s.price_start_time, k.price_start_time)
        end as touched_from,
        greatest(s.price_end_time, k.price_end_time) as touched_to
    from staged as s
    full join known as k
        on
            s.cloud = k.cloud
            and s.sku_name = k.sku_name
            and s.usage_unit = k.usage_unit
            and s.price_start_time = k.price_start_time
    where
        s.price_end_time is distinct from k.price_end_time
        or s.effective_rate is distinct from k.effective_rate
)

update costpulse.collected_days as d
set recollect_reason = 'list price of ' || touched.sku_name || ' changed'
from (
    select
        r.usage_date,
        min(r.sku_name) as sku_name
    from differences as x
    inner join costpulse.cost_records as r
        on
            x.sku_name = r.sku_name
            and x.cloud = r.cloud
            and x.usage_unit = r.usage_unit
            and r.usage_date >= (x.touched_from at time zone 'UTC')::date
            and (r.usage_date::timestamp at time zone 'UTC') < x.touched_to
    group by r.usage_date
) as touched
where d.source = 'cost_records' and d.usage_date = touched.usage_date
