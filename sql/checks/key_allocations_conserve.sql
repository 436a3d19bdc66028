-- no row: a day, SKU and unit, or a key that is shared, where key_allocations do not have exactly the quantity, list
-- cost and cost of cost_records
with recorded as (
    select
        r.usage_date,
        r.sku_name,
        r.usage_unit,
        sum(r.usage_quantity) as usage_quantity,
        coalesce(sum(r.usage_quantity) filter (where r.effective_rate is null), 0) as unpriced_quantity,
        coalesce(sum(r.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(r.cost_usd), 0) as cost_usd,
        sum(r.record_count) as record_count
    from costpulse.cost_records as r
    where r.usage_date = any(%(days)s::date[])
    group by r.usage_date, r.sku_name, r.usage_unit
),

derived as (
    select
        d.usage_date,
        d.sku_name,
        d.usage_unit,
        sum(d.usage_quantity) as usage_quantity,
        sum(d.unpriced_quantity) as unpriced_quantity,
        coalesce(sum(d.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(d.cost_usd), 0) as cost_usd,
        sum(d.record_count) as record_count
    from costpulse.key_allocations as d
    where d.usage_date = any(%(days)s::date[])
    group by d.usage_date, d.sku_name, d.usage_unit
),

shared as (
    select
        d.usage_date,
        d.key_id,
        d.sku_name,
        d.usage_unit,
        sum(d.usage_quantity) as usage_quantity,
        sum(d.unpriced_quantity) as unpriced_quantity,
        sum(d.list_cost_usd) as list_cost_usd,
        sum(d.cost_usd) as cost_usd,
        sum(d.record_count) as record_count
    from costpulse.key_allocations as d
    where d.usage_date = any(%(days)s::date[])
    group by d.usage_date, d.key_id, d.sku_name, d.usage_unit
    having min(d.share) < 1
),

shared_records as (
    select
        r.usage_date,
        r.key_id,
        r.sku_name,
        r.usage_unit,
        sum(r.usage_quantity) as usage_quantity,
        coalesce(sum(r.usage_quantity) filter (where r.effective_rate is null), 0) as unpriced_quantity,
        sum(r.list_cost_usd) as list_cost_usd,
        sum(r.cost_usd) as cost_usd,
        sum(r.record_count) as record_count
    from costpulse.cost_records as r
    where
        r.usage_date = any(%(days)s::date[])
        and r.key_id in (select s.key_id from shared as s)
    group by r.usage_date, r.key_id, r.sku_name, r.usage_unit
)

select
    coalesce(r.usage_date, d.usage_date) as usage_date,
    coalesce(r.sku_name, d.sku_name) as sku_name,
    null as key_id,
    r.cost_usd as recorded_cost_usd,
    d.cost_usd as derived_cost_usd,
    r.usage_quantity as recorded_quantity,
    d.usage_quantity as derived_quantity
from recorded as r
full join derived as d on r.usage_date = d.usage_date and r.sku_name = d.sku_name and r.usage_unit = d.usage_unit
where
    r.usage_quantity is distinct from d.usage_quantity
    or r.unpriced_quantity is distinct from d.unpriced_quantity
    or r.list_cost_usd is distinct from d.list_cost_usd
    or r.cost_usd is distinct from d.cost_usd
    or r.record_count is distinct from d.record_count
union all
select
    d.usage_date,
    d.sku_name,
    d.key_id,
    r.cost_usd as recorded_cost_usd,
    d.cost_usd as derived_cost_usd,
    r.usage_quantity as recorded_quantity,
    d.usage_quantity as derived_quantity
from shared as d
left join shared_records as r
    on
        d.usage_date = r.usage_date
        and d.key_id = r.key_id
        and d.sku_name = r.sku_name
        and d.usage_unit = r.usage_unit
where
    r.usage_quantity is distinct from d.usage_quantity
    or r.unpriced_quantity is distinct from d.unpriced_quantity
    or r.list_cost_usd is distinct from d.list_cost_usd
    or r.cost_usd is distinct from d.cost_usd
    or r.record_count is distinct from d.record_count
order by usage_date, sku_name
limit 20
