-- usage_date x resource of these: how much it worked, and how long it was up for that
with wanted as (
    select
        w.workspace_id,
        w.resource_type,
        w.resource_id
    from unnest(%(workspace_ids)s::text[], %(resource_types)s::text[], %(resource_ids)s::text[])
        as w (workspace_id, resource_type, resource_id)
)

select
    d.usage_date,
    d.workspace_id,
    w.resource_type,
    w.resource_id,
    greatest(d.up_hours - coalesce(d.idle_hours, 0), 0) as work,
    d.up_hours as up
from wanted as w
inner join costpulse.cluster_daily as d on w.workspace_id = d.workspace_id and w.resource_id = d.cluster_id
where
    w.resource_type = 'cluster'
    and d.usage_date between %(first_date)s and %(last_date)s
    and d.up_hours is not null
union all
select
    d.usage_date,
    d.workspace_id,
    w.resource_type,
    w.resource_id,
    d.query_hours as work,
    d.running_hours as up
from wanted as w
inner join costpulse.warehouse_daily as d on w.workspace_id = d.workspace_id and w.resource_id = d.warehouse_id
where
    w.resource_type = 'warehouse'
    and d.usage_date between %(first_date)s and %(last_date)s
    and d.query_hours is not null
union all
select
    r.first_usage_date as usage_date,
    r.workspace_id,
    w.resource_type,
    w.resource_id,
    count(*) as work,
    null as up
from wanted as w
inner join costpulse.job_runs as r on w.workspace_id = r.workspace_id and w.resource_id = r.job_id
where
    w.resource_type = 'job'
    and r.first_usage_date between %(first_date)s and %(last_date)s
group by r.first_usage_date, r.workspace_id, w.resource_type, w.resource_id
