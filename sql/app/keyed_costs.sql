-- usage_date x key x SKU x unit x team of {costs} with what the key says: the widest table, for every other dimension.
-- Resources are only unique within their workspace, so their id is workspace/resource.
select
    d.usage_date,
    d.sku_name,
    d.usage_unit,
    d.team_id,
    d.list_cost_usd,
    d.cost_usd,
    d.dbu_count,
    d.unpriced_quantity,
    k.workspace_id,
    k.product,
    k.user_email,
    k.job_name,
    k.tags,
    coalesce(k.workspace_id, '') || '/' || k.job_id as job_id,
    coalesce(k.workspace_id, '') || '/' || k.cluster_id as cluster_id,
    coalesce(k.workspace_id, '') || '/' || k.warehouse_id as warehouse_id,
    coalesce(k.workspace_id, '') || '/' || k.pipeline_id as pipeline_id,
    coalesce(k.workspace_id, '') || '/' || k.endpoint_name as endpoint_id
from {costs} as d
inner join costpulse.cost_keys as k on d.key_id = k.key_id
