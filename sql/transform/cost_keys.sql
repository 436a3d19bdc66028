-- one row per key of the days just loaded; the days widen what is known of a key, and its newest job name stays
insert into costpulse.cost_keys as known (
    key_id, account_id, workspace_id, product, usage_type, is_serverless, cluster_id, warehouse_id, job_id,
    job_name, pipeline_id, endpoint_name, resource_type, resource_id, user_email, user_source, tags,
    first_usage_date, last_usage_date
)
with first_days as (
    select
        r.key_id,
        min(r.usage_date) as first_usage_date
    from costpulse.cost_records as r
    -- of a single day the newest is the first
    where %(from_date)s::date < %(to_date)s::date and r.usage_date between %(from_date)s and %(to_date)s
    group by r.key_id
)

select distinct on (r.key_id)
    r.key_id,
    r.account_id,
    r.workspace_id,
    r.product,
    r.usage_type,
    r.is_serverless,
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
    coalesce(f.first_usage_date, r.usage_date) as first_usage_date,
    r.usage_date as last_usage_date
from costpulse.cost_records as r
left join first_days as f on r.key_id = f.key_id
where r.usage_date between %(from_date)s and %(to_date)s
order by r.key_id asc, r.usage_date desc, r.job_name asc nulls last
-- what the key stands for is set as well, so that a trigger can refuse a key that would stand for something else
on conflict (key_id) do update set
    account_id = excluded.account_id,
    workspace_id = excluded.workspace_id,
    product = excluded.product,
    usage_type = excluded.usage_type,
    is_serverless = excluded.is_serverless,
    cluster_id = excluded.cluster_id,
    warehouse_id = excluded.warehouse_id,
    job_id = excluded.job_id,
    pipeline_id = excluded.pipeline_id,
    endpoint_name = excluded.endpoint_name,
    resource_type = excluded.resource_type,
    resource_id = excluded.resource_id,
    user_email = excluded.user_email,
    user_source = excluded.user_source,
    tags = excluded.tags,
    first_usage_date = least(known.first_usage_date, excluded.first_usage_date),
    last_usage_date = greatest(known.last_usage_date, excluded.last_usage_date),
    job_name = case
        when excluded.last_usage_date >= known.last_usage_date then coalesce(excluded.job_name, known.job_name)
        else coalesce(known.job_name, excluded.job_name)
    end
