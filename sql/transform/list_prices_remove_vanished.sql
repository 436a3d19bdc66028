-- price windows that the source no longer lists
delete from costpulse.list_prices as k
where
    k.currency_code = %(currency)s
    and not exists (
        select from staged_list_prices as s
        where
            s.cloud = k.cloud
            and s.sku_name = k.sku_name
            and s.usage_unit = k.usage_unit
            and s.price_start_time = k.price_start_time
    )
