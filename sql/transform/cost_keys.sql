-- one row per key of the days just loaded (staged from the stream); the days widen what is known of a key
insert into costpulse.cost_keys as known (
    key_id, account_id, workspace_id, product, usage_type, is_serverless, cluster_id, warehouse_id, job_id,
    job_name, pipeline_id, endpoint_name, resource_type, resource_id, user_email, user_source, tags,
    first_usage_date, last_usage_date
)
select distinct on (s.key_id)
    s.key_id,
    s.account_id,
    s.workspace_id,
    s.product,
    s.usage_type,
    s.is_serverless,
    s.cluster_id,
    s.warehouse_id,
    s.job_id,
    s.job_name,
    s.pipeline_id,
    s.endpoint_name,
    s.resource_type,
    s.resource_id,
    s.user_email,
    s.user_source,
    s.tags,
    min(s.first_usage_date) over same_key as first_usage_date,
    max(s.last_usage_date) over same_key as last_usage_date
from staged_cost_keys as s
window same_key as (partition by s.key_id)
order by s.key_id asc, s.last_usage_date desc, s.job_name asc nulls last
on conflict (key_id) do update set
    first_usage_date = least(known.first_usage_date, excluded.first_usage_date),
    last_usage_date = greatest(known.last_usage_date, excluded.last_usage_date),
    job_name = case
        when excluded.last_usage_date >= known.last_usage_date then coalesce(excluded.job_name, known.job_name)
        else coalesce(known.job_name, excluded.job_name)
    end
