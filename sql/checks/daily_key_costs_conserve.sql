-- no row: a day and SKU where daily_key_costs do not have exactly the quantity, list cost and cost of cost_records,
-- a week (its Monday) and SKU where weekly_key_costs do not have those of its days, or a day on which
-- daily_resource_costs do not have the cost of all jobs, all warehouses or all clusters
with recorded as (
    select
        r.usage_date,
        r.sku_name,
        sum(r.usage_quantity) as usage_quantity,
        coalesce(sum(r.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(r.cost_usd), 0) as cost_usd,
        sum(r.record_count) as record_count
    from costpulse.cost_records as r
    where r.usage_date = any(%(days)s::date[])
    group by r.usage_date, r.sku_name
),

derived as (
    select
        d.usage_date,
        d.sku_name,
        sum(d.usage_quantity) as usage_quantity,
        coalesce(sum(d.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(d.cost_usd), 0) as cost_usd,
        sum(d.record_count) as record_count
    from costpulse.daily_key_costs as d
    where d.usage_date = any(%(days)s::date[])
    group by d.usage_date, d.sku_name
),

weeks as (
    select distinct date_trunc('week', d.usage_date::timestamp)::date as week
    from unnest(%(days)s::date[]) as d (usage_date)
),

days_of_weeks as (
    select
        w.week,
        d.sku_name,
        coalesce(sum(d.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(d.cost_usd), 0) as cost_usd,
        sum(d.record_count) as record_count
    from weeks as w
    inner join costpulse.daily_key_costs as d on d.usage_date between w.week and w.week + 6
    group by w.week, d.sku_name
),

summed_up as (
    select
        k.week,
        k.sku_name,
        coalesce(sum(k.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(k.cost_usd), 0) as cost_usd,
        sum(k.record_count) as record_count
    from costpulse.weekly_key_costs as k
    where k.week in (select w.week from weeks as w)
    group by k.week, k.sku_name
),

keys_of_resources as (
    select
        d.usage_date,
        r.scope_type,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_key_costs as d
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    cross join
        lateral (
            values
            ('job', k.job_id is not null),
            ('warehouse', k.warehouse_id is not null),
            (
                'cluster',
                k.cluster_id is not null and k.product = 'ALL_PURPOSE' and k.job_id is null and k.pipeline_id is null
            )
        ) as r (scope_type, is_one)
    where d.usage_date = any(%(days)s::date[]) and r.is_one
    group by d.usage_date, r.scope_type
),

resources as (
    select
        r.usage_date,
        r.scope_type,
        sum(r.cost_usd) as cost_usd
    from costpulse.daily_resource_costs as r
    where r.usage_date = any(%(days)s::date[])
    group by r.usage_date, r.scope_type
)

select
    coalesce(r.usage_date, d.usage_date) as usage_date,
    coalesce(r.sku_name, d.sku_name) as sku_name,
    r.cost_usd as recorded_cost_usd,
    d.cost_usd as derived_cost_usd,
    r.usage_quantity as recorded_quantity,
    d.usage_quantity as derived_quantity
from recorded as r
full join derived as d on r.usage_date = d.usage_date and r.sku_name = d.sku_name
where
    r.usage_quantity is distinct from d.usage_quantity
    or r.list_cost_usd is distinct from d.list_cost_usd
    or r.cost_usd is distinct from d.cost_usd
    or r.record_count is distinct from d.record_count
union all
select
    coalesce(d.week, s.week) as usage_date,
    coalesce(d.sku_name, s.sku_name) as sku_name,
    d.cost_usd as recorded_cost_usd,
    s.cost_usd as derived_cost_usd,
    d.record_count as recorded_quantity,
    s.record_count as derived_quantity
from days_of_weeks as d
full join summed_up as s on d.week = s.week and d.sku_name = s.sku_name
where
    d.list_cost_usd is distinct from s.list_cost_usd
    or d.cost_usd is distinct from s.cost_usd
    or d.record_count is distinct from s.record_count
union all
select
    coalesce(k.usage_date, r.usage_date) as usage_date,
    coalesce(k.scope_type, r.scope_type) as sku_name,
    k.cost_usd as recorded_cost_usd,
    r.cost_usd as derived_cost_usd,
    null as recorded_quantity,
    null as derived_quantity
from keys_of_resources as k
full join resources as r on k.usage_date = r.usage_date and k.scope_type = r.scope_type
where k.cost_usd is distinct from r.cost_usd
order by usage_date, sku_name
limit 20
