-- one row per key_id x SKU x unit x cloud x rates on a day: what the price was and which adjustment made it
select
    p.key_id,
    p.sku_name,
    p.usage_unit,
    p.cloud,
    p.dbu_rate,
    p.effective_rate,
    p.usage_quantity,
    p.list_cost_usd,
    p.cost_usd,
    p.price_adjustment_id,
    l.price_start_time,
    l.price_end_time,
    a.sku_pattern,
    a.percentage,
    a.fixed_rate,
    a.note
from costpulse.key_prices as p
left join lateral (
    select
        w.price_start_time,
        w.price_end_time
    from costpulse.list_prices as w
    where
        w.cloud = p.cloud
        and w.sku_name = p.sku_name
        and w.usage_unit = p.usage_unit
        and coalesce(w.effective_rate, w.default_rate) = p.dbu_rate
        and w.price_start_time < (%(day)s::date + 1)::timestamp at time zone 'UTC'
        and (w.price_end_time is null or w.price_end_time > %(day)s::date::timestamp at time zone 'UTC')
    order by w.price_start_time desc
    limit 1
) as l on true
left join costpulse.price_adjustments as a on p.price_adjustment_id = a.id
where p.usage_date = %(day)s and p.key_id = any(%(keys)s::uuid[])
order by
    p.key_id asc, p.sku_name asc, p.usage_unit asc, abs(p.usage_quantity) desc, p.dbu_rate asc, p.effective_rate asc
