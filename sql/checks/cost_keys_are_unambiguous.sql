-- no row: a staged key whose columns differ from the key known under the same hash
select s.key_id
from staged_cost_keys as s
inner join costpulse.cost_keys as k on s.key_id = k.key_id
where
    (
        s.account_id, s.workspace_id, s.product, s.usage_type, s.is_serverless, s.cluster_id, s.warehouse_id,
        s.job_id, s.pipeline_id, s.endpoint_name, s.resource_type, s.resource_id, s.user_email, s.user_source,
        s.tags
    ) is distinct from (
        k.account_id, k.workspace_id, k.product, k.usage_type, k.is_serverless, k.cluster_id, k.warehouse_id,
        k.job_id, k.pipeline_id, k.endpoint_name, k.resource_type, k.resource_id, k.user_email, k.user_source,
        k.tags
    )
limit 20
