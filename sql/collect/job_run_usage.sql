-- one row per usage_date x workspace x job x run x SKU x unit x serverless x list rate: what the bill says of job runs.
-- Only runs on job compute and serverless have rows: a job on an all-purpose cluster or a SQL warehouse is not named in
-- the bill. Corrections are netted; what nets to nothing is left out.

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
        u.usage_metadata.job_id as job_id,
        u.usage_metadata.job_run_id as run_id,
        u.usage_metadata.job_name as job_name,
        coalesce(u.product_features.is_serverless, false) as is_serverless
    from system.billing.usage as u
    where
        u.usage_date between :from_date and :to_date
        and u.usage_metadata.job_run_id is not null
        and u.workspace_id is not null
        and u.sku_name is not null
        and u.usage_unit is not null
        and u.usage_quantity between -100000000000000 and 100000000000000
)

select
    c.usage_date,
    c.workspace_id,
    c.job_id,
    c.run_id,
    max(c.job_name) as job_name,
    c.sku_name,
    c.usage_unit,
    c.is_serverless,
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
    c.usage_date, c.workspace_id, c.job_id, c.run_id, c.sku_name, c.usage_unit, c.is_serverless, p.list_rate
having sum(c.usage_quantity) <> 0
