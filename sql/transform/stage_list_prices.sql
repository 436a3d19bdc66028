-- the source's price list as it streams in
create temporary table staged_list_prices (
    cloud text not null,
    sku_name text not null,
    usage_unit text not null,
    currency_code text not null,
    price_start_time timestamptz not null,
    price_end_time timestamptz,
    default_rate numeric(38, 18),
    effective_rate numeric(38, 18),
    account_id text
) on commit drop
