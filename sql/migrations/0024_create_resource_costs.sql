-- What jobs, warehouses and all-purpose clusters cost a day: over long windows daily_key_costs have a row for every run
-- that had a cluster of its own.

-- usage_date x scope: sums of daily_key_costs
create table costpulse.daily_resource_costs (
    usage_date date not null,
    scope_type text not null check (scope_type in ('job', 'warehouse', 'cluster')),
    scope_id text not null,
    cost_usd numeric(38, 18) not null check (cost_usd <> 'NaN'),
    primary key (usage_date, scope_type, scope_id)
);

comment on table costpulse.daily_resource_costs is
'One row per usage day and job, warehouse or all-purpose cluster that has a price: sums of daily_key_costs.';
comment on column costpulse.daily_resource_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.daily_resource_costs.scope_type is
'job, warehouse or cluster; a cluster that a job or a pipeline brings up for itself is not one.';
comment on column costpulse.daily_resource_costs.scope_id is
'workspace id/id of the job, warehouse or cluster, as in anomalies.';
comment on column costpulse.daily_resource_costs.cost_usd is 'Cost in USD; what has no price is left out.';

-- as sql/transform/daily_resource_costs.sql does, of the days that are built already
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
            case when k.product = 'ALL_PURPOSE' and k.job_id is null and k.pipeline_id is null then k.cluster_id end
        )
    ) as r (scope_type, resource_id)
where r.resource_id is not null
group by d.usage_date, r.scope_type, k.workspace_id, r.resource_id
having sum(d.cost_usd) is not null;
