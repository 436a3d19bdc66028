-- one row per price window: the staged full list replaces what was known, first_seen_at is kept
insert into costpulse.list_prices as known (
    cloud, sku_name, usage_unit, currency_code, price_start_time, price_end_time, default_rate, effective_rate,
    account_id
)
select
    s.cloud,
    s.sku_name,
    s.usage_unit,
    s.currency_code,
    s.price_start_time,
    s.price_end_time,
    s.default_rate,
    s.effective_rate,
    s.account_id
from staged_list_prices as s
on conflict (cloud, sku_name, usage_unit, currency_code, price_start_time) do update set
    price_end_time = excluded.price_end_time,
    default_rate = excluded.default_rate,
    effective_rate = excluded.effective_rate,
    account_id = excluded.account_id
where (
    known.price_end_time, known.default_rate, known.effective_rate, known.account_id
) is distinct from (
    excluded.price_end_time, excluded.default_rate, excluded.effective_rate, excluded.account_id
)
