-- one row per key and SKU of which cost changes hands, largest first, with the teams that have it before and after and
-- what it is called now
with moved as (
    select
        o.key_id,
        o.sku_name,
        sum(abs(o.after_usd - o.before_usd)) / 2 as moved_usd,
        array_agg(o.team_id order by abs(o.before_usd) desc, o.team_id asc) filter (where o.before_usd <> 0) as before,
        array_agg(o.team_id order by abs(o.after_usd) desc, o.team_id asc) filter (where o.after_usd <> 0) as after
    from simulated_owners as o
    group by o.key_id, o.sku_name
    having bool_or(o.after_usd <> o.before_usd)
    order by moved_usd desc, o.key_id asc, o.sku_name asc
    limit %(at_most)s
),

things as (
    select
        m.key_id,
        m.sku_name,
        m.moved_usd,
        m.before,
        m.after,
        k.workspace_id,
        k.product,
        k.user_email,
        k.job_name,
        case
            when k.job_id is not null then 'job'
            when k.warehouse_id is not null then 'warehouse'
            when k.pipeline_id is not null then 'pipeline'
            when k.endpoint_name is not null then 'endpoint'
            when k.cluster_id is not null then 'cluster'
            when k.resource_id is not null then k.resource_type
        end as kind,
        coalesce(
            k.job_id, k.warehouse_id, k.pipeline_id, k.endpoint_name, k.cluster_id, k.resource_id
        ) as id
    from moved as m
    inner join costpulse.cost_keys as k on m.key_id = k.key_id
)

select
    t.key_id,
    t.sku_name,
    t.moved_usd,
    t.before,
    t.after,
    concat_ws(
        ', ',
        coalesce(t.kind || ' ' || coalesce(n.name, case when t.kind = 'job' then t.job_name end, t.id), t.product),
        coalesce(w.name, t.workspace_id),
        t.user_email
    ) as name
from things as t
left join costpulse.resource_names as n
    on t.workspace_id = n.workspace_id and t.kind = n.resource_type and t.id = n.resource_id and n.valid_to is null
left join costpulse.workspaces as w on t.workspace_id = w.workspace_id
order by t.moved_usd desc, t.key_id asc, t.sku_name asc
