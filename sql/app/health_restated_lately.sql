-- one row: usage days that Databricks corrected in a span of days, and what that changed
select
    count(distinct r.usage_date) as days,
    sum(r.cost_usd) as cost_usd
from costpulse.restatements as r
where r.ingestion_date between %(first)s::date and %(last)s::date
