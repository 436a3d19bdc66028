-- one row per usage_date: what the source holds of the day right now
select
    u.usage_date,
    count(*) as source_rows,
    cast(sum(u.usage_quantity) as decimal(38, 18)) as source_quantity,
    max(u.ingestion_date) as newest_ingestion_date
from system.billing.usage as u
where u.usage_date between :from_date and :to_date
group by u.usage_date
