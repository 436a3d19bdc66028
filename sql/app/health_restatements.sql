-- one row per month of usage: what Databricks corrected of it, two days after the usage or later
select
    date_trunc('month', r.usage_date)::date as usage_month,
    count(distinct r.usage_date) as days,
    sum(r.record_count)::bigint as record_count,
    sum(greatest(r.cost_usd, 0)) as raised_usd,
    sum(least(r.cost_usd, 0)) as lowered_usd,
    sum(r.cost_usd) as cost_usd
from costpulse.restatements as r
where r.usage_date >= %(first)s::date
group by date_trunc('month', r.usage_date)
order by usage_month
