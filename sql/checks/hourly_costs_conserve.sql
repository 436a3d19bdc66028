-- no row: a day and SKU where hourly_costs do not hold the quantity, list cost and cost of cost_records, for days that
-- were read since cost_records last changed. Quantities are equal to the last digit. Money is rounded once per row, to
-- 18 digits, and the rows are other ones: the sums may differ by half a digit for each row on either side.
with days as (
    select d.usage_date
    from costpulse.collected_days as d
    inner join costpulse.built_days as b on d.usage_date = b.usage_date
    where
        d.source = 'cost_records'
        and b.asset = 'hourly_costs'
        and b.upstream_version = d.changed_at
        and d.usage_date = any(%(days)s::date[])
),

recorded as (
    select
        r.usage_date,
        r.sku_name,
        sum(r.usage_quantity) as usage_quantity,
        sum(r.list_cost_usd) as list_cost_usd,
        sum(r.cost_usd) as cost_usd,
        sum(r.record_count) as record_count,
        count(*) as row_count
    from costpulse.cost_records as r
    inner join days as d on r.usage_date = d.usage_date
    where r.usage_date = any(%(days)s::date[])
    group by r.usage_date, r.sku_name
),

hourly as (
    select
        h.usage_date,
        h.sku_name,
        sum(h.usage_quantity) as usage_quantity,
        sum(h.list_cost_usd) as list_cost_usd,
        sum(h.cost_usd) as cost_usd,
        sum(h.record_count) as record_count,
        count(*) as row_count
    from costpulse.hourly_costs as h
    inner join days as d on h.usage_date = d.usage_date
    where h.usage_date = any(%(days)s::date[])
    group by h.usage_date, h.sku_name
)

select
    coalesce(r.usage_date, h.usage_date) as usage_date,
    coalesce(r.sku_name, h.sku_name) as sku_name,
    r.cost_usd as recorded_cost_usd,
    h.cost_usd as hourly_cost_usd,
    r.usage_quantity as recorded_quantity,
    h.usage_quantity as hourly_quantity
from recorded as r
full join hourly as h on r.usage_date = h.usage_date and r.sku_name = h.sku_name
where
    r.usage_quantity is distinct from h.usage_quantity
    or r.record_count is distinct from h.record_count
    or (r.list_cost_usd is null) <> (h.list_cost_usd is null)
    or (r.cost_usd is null) <> (h.cost_usd is null)
    or abs(r.list_cost_usd - h.list_cost_usd) > (r.row_count + h.row_count) * 0.5e-18
    or abs(r.cost_usd - h.cost_usd) > (r.row_count + h.row_count) * 0.5e-18
order by usage_date, sku_name
limit 20
