-- usage_date x resource of these kinds: its cost, and what the same use costs at the newest prices of its workspace
with days as materialized (
    select
        d.usage_date,
        k.workspace_id,
        r.resource_type,
        r.resource_id,
        d.sku_name,
        d.usage_unit,
        sum(d.usage_quantity) as usage_quantity,
        sum(d.cost_usd) as cost_usd,
        sum(d.unpriced_quantity) as unpriced_quantity
    from costpulse.daily_key_costs as d
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    cross join
        lateral (
            values
            -- not one that a job or a pipeline brings up for itself
            (
                'cluster',
                case
                    when k.product = 'ALL_PURPOSE' and k.job_id is null and k.pipeline_id is null then k.cluster_id
                end
            ),
            ('warehouse', k.warehouse_id),
            ('job', k.job_id),
            ('pipeline', k.pipeline_id),
            ('endpoint', k.endpoint_name)
        ) as r (resource_type, resource_id)
    where
        d.usage_date between %(first_date)s and %(last_date)s
        and r.resource_type = any(%(resource_types)s::text[])
        and r.resource_id is not null
    group by d.usage_date, k.workspace_id, r.resource_type, r.resource_id, d.sku_name, d.usage_unit
),

rates as (
    select distinct on (s.workspace_id, s.sku_name, s.usage_unit)
        s.workspace_id,
        s.sku_name,
        s.usage_unit,
        s.cost_usd / s.usage_quantity as rate
    from (
        select
            d.usage_date,
            d.workspace_id,
            d.sku_name,
            d.usage_unit,
            sum(d.usage_quantity) as usage_quantity,
            sum(d.cost_usd) as cost_usd
        from days as d
        where d.unpriced_quantity = 0 and d.cost_usd is not null
        group by d.usage_date, d.workspace_id, d.sku_name, d.usage_unit
        having sum(d.usage_quantity) > 0
    ) as s
    order by s.workspace_id asc, s.sku_name asc, s.usage_unit asc, s.usage_date desc
)

select
    d.usage_date,
    d.workspace_id,
    d.resource_type,
    d.resource_id,
    coalesce(sum(d.cost_usd), 0) as cost_usd,
    coalesce(sum(coalesce(d.usage_quantity * r.rate, d.cost_usd)), 0) as cost_at_newest_prices
from days as d
left join rates as r
    on
        d.workspace_id is not distinct from r.workspace_id
        and d.sku_name = r.sku_name
        and d.usage_unit = r.usage_unit
group by d.usage_date, d.workspace_id, d.resource_type, d.resource_id
