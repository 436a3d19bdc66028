-- no row: a grain of cost_records that occurs twice in the days (what a unique index would refuse).
-- Grouped by a hash of the grain: a third of the time of grouping by its columns. That two of a million grains share
-- one by chance happens once in ten million loads, and stops the load without harm.
select
    min(g.usage_date) as usage_date,
    min(g.sku_name) as sku_name,
    (array_agg(g.key_id))[1] as key_id,
    count(*) as copies
from (
    select
        r.usage_date,
        r.sku_name,
        r.key_id,
        hash_record_extended(
            row(
                r.usage_date, r.ingestion_date, r.record_type, r.key_id, r.sku_name, r.usage_unit, r.cloud, r.dbu_rate
            ),
            0
        ) as grain
    from costpulse.cost_records as r
    where r.usage_date between %(from_date)s and %(to_date)s
) as g
group by g.grain
having count(*) > 1
limit 20
