-- usage_date x key_id x SKU x unit: as bill_cost_records, for a reader who may not read that table but sees all teams
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
from costpulse.ingested_costs as r
where r.usage_date = any(%(days)s::date[]) and r.ingestion_date <= coalesce(%(as_of)s::date, 'infinity')
group by r.usage_date, r.key_id, r.sku_name, r.usage_unit
