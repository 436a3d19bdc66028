-- one row per usage_date x UTC hour x workspace x SKU x product x unit x warehouse x price.
-- Usage counts in the hour in which it starts, also where it is billed for longer than an hour: storage is billed once
-- a day. Quantity and rate travel apart: the database multiplies. Corrections are netted.

-- one row per price window; a window ends where the next one starts, so that no usage row is priced twice
with price_windows as (
    select
        p.cloud,
        p.sku_name,
        p.usage_unit,
        p.price_start_time,
        p.price_end_time,
        cast(coalesce(p.pricing.effective_list.default, p.pricing.default) as decimal(38, 18)) as list_rate,
        lead(p.price_start_time) over (
            partition by p.cloud, p.sku_name, p.usage_unit order by p.price_start_time, p.pricing.default
        ) as next_start_time
    from system.billing.list_prices as p
    where p.currency_code = :currency
),

prices as (
    select
        w.cloud,
        w.sku_name,
        w.usage_unit,
        w.list_rate,
        w.price_start_time,
        case
            when w.price_end_time is null or w.next_start_time < w.price_end_time then w.next_start_time
            else w.price_end_time
        end as price_end_time
    from price_windows as w
),

-- one row per usage row that cost_records accepts too; what it refuses is counted there
counted as (
    select
        u.usage_date,
        u.workspace_id,
        u.cloud,
        u.sku_name,
        u.usage_unit,
        u.usage_quantity,
        u.usage_start_time,
        cast(hour(u.usage_start_time) as smallint) as usage_hour,
        u.usage_metadata.warehouse_id as warehouse_id,
        case
            when u.product_features.is_serverless
                then concat(coalesce(u.billing_origin_product, 'UNKNOWN'), '_SERVERLESS')
            else coalesce(u.billing_origin_product, 'UNKNOWN')
        end as product
    from system.billing.usage as u
    where
        u.usage_date between :from_date and :to_date
        and u.sku_name is not null
        and u.usage_unit is not null
        and u.usage_quantity between -100000000000000 and 100000000000000
)

select
    c.usage_date,
    c.usage_hour,
    c.workspace_id,
    c.sku_name,
    c.product,
    c.usage_unit,
    c.warehouse_id,
    p.list_rate as dbu_rate,
    cast(sum(c.usage_quantity) as decimal(38, 18)) as usage_quantity,
    count(*) as record_count
from counted as c
left join prices as p
    on
        c.cloud = p.cloud
        and c.sku_name = p.sku_name
        and c.usage_unit = p.usage_unit
        and c.usage_start_time >= p.price_start_time
        and (p.price_end_time is null or c.usage_start_time < p.price_end_time)
where p.list_rate is null or p.list_rate between 0 and 1000000
group by
    c.usage_date, c.usage_hour, c.workspace_id, c.sku_name, c.product, c.usage_unit, c.warehouse_id, p.list_rate
