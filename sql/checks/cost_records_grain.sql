-- no row: a grain of cost_records that occurs twice in the days (what a unique index would refuse)
select
    r.usage_date,
    r.ingestion_date,
    r.record_type,
    r.key_id,
    r.sku_name,
    r.usage_unit,
    r.cloud,
    r.dbu_rate,
    count(*) as copies
from costpulse.cost_records as r
where r.usage_date between %(from_date)s and %(to_date)s
group by r.usage_date, r.ingestion_date, r.record_type, r.key_id, r.sku_name, r.usage_unit, r.cloud, r.dbu_rate
having count(*) > 1
limit 20
