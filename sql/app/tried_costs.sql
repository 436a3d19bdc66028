-- one row per key that the claims that were staged and matched take on the days, the dearest first, with what it is
-- called now; each with the number of such keys, their cost, and the cost of the days
with costs as (
    select
        d.key_id,
        sum(case when %(at_list_price)s then d.list_cost_usd else d.cost_usd end) as cost_usd
    from costpulse.daily_key_costs as d
    where
        d.usage_date = any(%(days)s::date[])
        and exists (
            select
            from key_claims as k
            where
                d.key_id = k.key_id
                and d.sku_name = k.sku_name
                and d.usage_date >= k.from_date
                and d.usage_date < k.to_date
        )
    group by d.key_id
),

matched as (
    select
        count(*) as keys,
        coalesce(sum(c.cost_usd), 0) as cost_usd
    from costs as c
),

everything as (
    select coalesce(sum(case when %(at_list_price)s then d.list_cost_usd else d.cost_usd end), 0) as cost_usd
    from costpulse.daily_key_costs as d
    where d.usage_date = any(%(days)s::date[])
),

dearest as (
    select
        c.key_id,
        c.cost_usd
    from costs as c
    order by c.cost_usd desc nulls last, c.key_id asc
    limit %(at_most)s
),

things as (
    select
        d.key_id,
        d.cost_usd,
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
    from dearest as d
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
)

select
    m.keys,
    m.cost_usd as matched_usd,
    e.cost_usd as days_usd,
    t.cost_usd,
    t.key_id,
    concat_ws(
        ', ',
        coalesce(t.kind || ' ' || coalesce(n.name, case when t.kind = 'job' then t.job_name end, t.id), t.product),
        coalesce(w.name, t.workspace_id),
        t.user_email
    ) as name
from matched as m
cross join everything as e
left join things as t on true
left join costpulse.resource_names as n
    on t.workspace_id = n.workspace_id and t.kind = n.resource_type and t.id = n.resource_id and n.valid_to is null
left join costpulse.workspaces as w on t.workspace_id = w.workspace_id
order by t.cost_usd desc nulls last, t.key_id asc
