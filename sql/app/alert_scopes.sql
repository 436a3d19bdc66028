-- one row per scope asked for: whether the bill knows it, which ids go by this name, whether there is any of its kind
with asked as (
    select distinct
        a.scope_type,
        a.scope
    from jsonb_to_recordset(%(scopes)s::jsonb) as a (scope_type text, scope text)
),

resources as (
    select
        n.resource_type as scope_type,
        n.workspace_id || '/' || n.resource_id as scope_id,
        n.name
    from costpulse.resource_names as n
    union all
    select distinct
        r.scope_type,
        coalesce(k.workspace_id, '') || '/' || r.resource_id as scope_id,
        null as name
    from costpulse.cost_keys as k
    cross join
        lateral (
            values ('job', k.job_id), ('warehouse', k.warehouse_id), ('cluster', k.cluster_id)
        ) as r (scope_type, resource_id)
    where r.resource_id is not null
),

known as (
    select distinct
        'workspace' as scope_type,
        k.workspace_id as scope_id,
        null as name
    from costpulse.cost_keys as k
    union all
    select
        'workspace' as scope_type,
        w.workspace_id as scope_id,
        w.name
    from costpulse.workspaces as w
    union all
    select distinct
        'product' as scope_type,
        k.product as scope_id,
        null as name
    from costpulse.cost_keys as k
    union all
    select distinct
        'sku' as scope_type,
        d.sku_name as scope_id,
        null as name
    from costpulse.daily_sku_costs as d
    union all
    select distinct
        'sku' as scope_type,
        p.sku_name as scope_id,
        null as name
    from costpulse.list_prices as p
    union all
    select
        r.scope_type,
        r.scope_id,
        r.name
    from resources as r
),

-- two joins by equality: one with an OR would compare every scope with every resource
found as (
    select
        k.scope_type,
        a.scope,
        k.scope_id,
        true as is_id
    from asked as a
    inner join known as k on a.scope_type = k.scope_type and a.scope = k.scope_id
    union all
    select
        k.scope_type,
        a.scope,
        k.scope_id,
        false as is_id
    from asked as a
    inner join known as k on a.scope_type = k.scope_type and lower(a.scope) = lower(k.name)
)

select
    a.scope_type,
    a.scope,
    coalesce(bool_or(f.is_id), false) as is_known,
    coalesce(array_agg(distinct f.scope_id) filter (where not f.is_id), '{}') as ids_of_name,
    a.scope_type in (select k.scope_type from known as k where k.scope_id is not null) as is_any_known
from asked as a
left join found as f on a.scope_type = f.scope_type and a.scope = f.scope
group by a.scope_type, a.scope
