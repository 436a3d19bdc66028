-- event that is due x key x SKU x unit x team: its cost and use, and what they were on the days it is compared with
create temporary table staged_anomaly_costs on commit drop as
with days as (
    select
        s.event_no,
        s.scope_type,
        s.scope_id,
        d.usage_date,
        d.is_of_event,
        d.weight
    from staged_anomalies as s
    inner join staged_anomaly_event_days as d on s.event_no = d.event_no
    where s.is_due
),

costs as not materialized (
    select
        c.usage_date,
        c.key_id,
        c.sku_name,
        c.usage_unit,
        c.team_id,
        c.cost_usd,
        c.usage_quantity - c.unpriced_quantity as quantity,
        k.workspace_id,
        k.product,
        k.job_id,
        k.warehouse_id,
        -- as in the daily series: not those that a job or a pipeline brings up for itself
        case
            when k.product = 'ALL_PURPOSE' and k.job_id is null and k.pipeline_id is null then k.cluster_id
        end as cluster_id
    from costpulse.daily_key_costs as c
    inner join costpulse.cost_keys as k on c.key_id = k.key_id
),

parts as (
    select
        d.event_no,
        d.is_of_event,
        d.weight,
        c.*
    from days as d
    inner join costs as c on d.usage_date = c.usage_date
    where d.scope_type = 'everything'
    union all
    select
        d.event_no,
        d.is_of_event,
        d.weight,
        c.*
    from days as d
    inner join costs as c on d.usage_date = c.usage_date and d.scope_id = coalesce(c.workspace_id, '')
    where d.scope_type = 'workspace'
    union all
    select
        d.event_no,
        d.is_of_event,
        d.weight,
        c.*
    from days as d
    inner join costs as c on d.usage_date = c.usage_date and d.scope_id = c.product
    where d.scope_type = 'product'
    union all
    select
        d.event_no,
        d.is_of_event,
        d.weight,
        c.*
    from days as d
    inner join costpulse.team_scopes as b on d.scope_id = b.scope_team_id::text
    inner join costs as c on d.usage_date = c.usage_date and b.team_id = c.team_id
    where d.scope_type = 'team'
    union all
    select
        d.event_no,
        d.is_of_event,
        d.weight,
        c.*
    from days as d
    inner join costs as c on d.usage_date = c.usage_date and c.team_id is null
    where d.scope_type = 'team' and d.scope_id = 'unallocated'
    union all
    select
        d.event_no,
        d.is_of_event,
        d.weight,
        c.*
    from days as d
    inner join costs as c on d.usage_date = c.usage_date and d.scope_id = c.sku_name
    where d.scope_type = 'sku'
    union all
    select
        d.event_no,
        d.is_of_event,
        d.weight,
        c.*
    from days as d
    inner join costs as c
        on
            d.usage_date = c.usage_date
            and d.scope_id = coalesce(c.workspace_id, '') || '/' || c.job_id
    where d.scope_type = 'job'
    union all
    select
        d.event_no,
        d.is_of_event,
        d.weight,
        c.*
    from days as d
    inner join costs as c
        on
            d.usage_date = c.usage_date
            and d.scope_id = coalesce(c.workspace_id, '') || '/' || c.warehouse_id
    where d.scope_type = 'warehouse'
    union all
    select
        d.event_no,
        d.is_of_event,
        d.weight,
        c.*
    from days as d
    inner join costs as c
        on
            d.usage_date = c.usage_date
            and d.scope_id = coalesce(c.workspace_id, '') || '/' || c.cluster_id
    where d.scope_type = 'cluster'
)

select
    p.event_no,
    p.key_id,
    p.sku_name,
    p.usage_unit,
    p.team_id,
    coalesce(sum(p.cost_usd) filter (where p.is_of_event), 0) as actual_usd,
    coalesce(round(sum(p.cost_usd * p.weight) filter (where not p.is_of_event), 18), 0) as expected_usd,
    coalesce(sum(p.quantity) filter (where p.is_of_event), 0) as actual_quantity,
    coalesce(round(sum(p.quantity * p.weight) filter (where not p.is_of_event), 18), 0) as expected_quantity
from parts as p
group by p.event_no, p.key_id, p.sku_name, p.usage_unit, p.team_id
