-- one row per cost record of the days, at the prices that hold now; the caller deletes the days and puts these back
create temporary table repriced_cost_records on commit drop as
with points as (
    select distinct
        r.sku_name,
        r.usage_date,
        r.dbu_rate
    from costpulse.cost_records as r
    where r.usage_date between %(from_date)s and %(to_date)s
),

priced as (
    select
        p.sku_name,
        p.usage_date,
        p.dbu_rate,
        f.effective_rate,
        f.price_adjustment_id
    from points as p
    cross join lateral costpulse.price_in_force(p.sku_name, p.usage_date, p.dbu_rate) as f
)

select
    r.usage_date,
    r.ingestion_date,
    r.record_type,
    r.key_id,
    r.account_id,
    r.workspace_id,
    r.cloud,
    r.sku_name,
    r.product,
    r.usage_type,
    r.is_serverless,
    r.usage_unit,
    r.usage_quantity,
    r.dbu_rate,
    p.effective_rate,
    p.price_adjustment_id,
    r.cluster_id,
    r.warehouse_id,
    r.job_id,
    r.job_name,
    r.pipeline_id,
    r.endpoint_name,
    r.resource_type,
    r.resource_id,
    r.user_email,
    r.user_source,
    r.tags,
    r.record_count
from costpulse.cost_records as r
inner join priced as p
    on
        r.sku_name = p.sku_name
        and r.usage_date = p.usage_date
        and r.dbu_rate is not distinct from p.dbu_rate
where r.usage_date between %(from_date)s and %(to_date)s
