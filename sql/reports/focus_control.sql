-- usage_date x SKU: what cost_records have of what is billed in a month, without usage that has no list price
select
    r.usage_date,
    r.sku_name,
    sum(r.usage_quantity)::numeric(38, 18) as usage_quantity,
    sum(r.list_cost_usd)::numeric(38, 18) as list_cost_usd,
    sum(r.cost_usd)::numeric(38, 18) as cost_usd
from costpulse.cost_records as r
inner join focus_billing as b
    on date_trunc('month', r.usage_date)::date = b.usage_month and r.ingestion_date = b.ingestion_date
where
    b.billing_month = %(month)s
    and r.usage_date between %(first_day)s and %(last_day)s
    and r.list_cost_usd is not null
group by r.usage_date, r.sku_name
order by r.usage_date, r.sku_name
