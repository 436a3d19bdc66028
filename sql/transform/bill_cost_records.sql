-- usage_date x key_id x SKU x unit: the bill of the days, as far as it had been ingested by a day if one is given
create temporary view bill as
select
    r.usage_date,
    r.key_id,
    r.sku_name,
    r.usage_unit,
    sum(r.usage_quantity) as usage_quantity,
    coalesce(sum(r.usage_quantity) filter (where r.effective_rate is null), 0) as unpriced_quantity,
    sum(r.list_cost_usd) as list_cost_usd,
    sum(r.cost_usd) as cost_usd,
    sum(r.record_count)::bigint as record_count
from costpulse.cost_records as r
where r.usage_date = any(%(days)s::date[]) and r.ingestion_date <= coalesce(%(as_of)s::date, 'infinity')
group by r.usage_date, r.key_id, r.sku_name, r.usage_unit
