-- one row per staged repriced record
insert into costpulse.cost_records (
    usage_date, ingestion_date, record_type, key_id, account_id, workspace_id, cloud, sku_name, product, usage_type,
    is_serverless, usage_unit, usage_quantity, dbu_rate, effective_rate, price_adjustment_id, cluster_id,
    warehouse_id, job_id, job_name, pipeline_id, endpoint_name, resource_type, resource_id, user_email, user_source,
    tags, record_count
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
    r.effective_rate,
    r.price_adjustment_id,
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
from repriced_cost_records as r
