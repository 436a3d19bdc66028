-- usage_date x job, warehouse or all-purpose cluster: sums of daily_key_costs
insert into costpulse.daily_resource_costs (usage_date, scope_type, scope_id, cost_usd)
select
    d.usage_date,
    r.scope_type,
    coalesce(k.workspace_id, '') || '/' || r.resource_id as scope_id,
    sum(d.cost_usd) as cost_usd
from costpulse.daily_key_costs as d
inner join costpulse.cost_keys as k on d.key_id = k.key_id
cross join
    lateral (
        values
        ('job', k.job_id),
        ('warehouse', k.warehouse_id),
        (
            'cluster',
            -- not one that a job or a pipeline brings up for itself
            case when k.product = 'ALL_PURPOSE' and k.job_id is null and k.pipeline_id is null then k.cluster_id end
        )
    ) as r (scope_type, resource_id)
where d.usage_date = any(%(days)s::date[]) and r.resource_id is not null
group by d.usage_date, r.scope_type, k.workspace_id, r.resource_id
having sum(d.cost_usd) is not null
