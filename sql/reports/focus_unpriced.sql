-- SKU x unit: usage billed in a month that has no list price, so that it cannot be in the file; its cost is known
-- where a rate of the customer's own was typed
select
    b.billing_month as month,
    r.sku_name,
    r.usage_unit,
    sum(r.usage_quantity)::numeric(38, 18) as usage_quantity,
    sum(r.cost_usd)::numeric(38, 18) as cost_usd,
    sum(r.record_count)::bigint as record_count
from costpulse.cost_records as r
inner join focus_billing as b
    on date_trunc('month', r.usage_date)::date = b.usage_month and r.ingestion_date = b.ingestion_date
where
    b.billing_month = %(month)s
    and r.usage_date between %(first_day)s and %(last_day)s
    and r.list_cost_usd is null
group by b.billing_month, r.sku_name, r.usage_unit
order by r.sku_name, r.usage_unit
