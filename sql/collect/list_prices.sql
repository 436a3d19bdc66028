-- one row per SKU price window in one currency; the price in force is effective_list, else default
select
    p.cloud,
    p.sku_name,
    p.usage_unit,
    p.currency_code,
    p.price_start_time,
    p.price_end_time,
    cast(p.pricing.default as decimal(38, 18)) as default_rate,
    cast(coalesce(p.pricing.effective_list.default, p.pricing.default) as decimal(38, 18)) as effective_rate,
    p.account_id
from system.billing.list_prices as p
where p.currency_code = :currency
