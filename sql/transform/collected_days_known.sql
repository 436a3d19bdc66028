-- one row per day collected so far
select
    d.usage_date,
    d.source_rows,
    d.source_quantity,
    d.newest_ingestion_date,
    d.in_flight,
    d.recollect_reason,
    d.reprice_reason
from costpulse.collected_days as d
where d.source = %(source)s
order by d.usage_date
