-- usage_date x team x rule x split x method x workspace x SKU x product: sums of key_allocations
with units as (
    select
        a.usage_date,
        a.team_id,
        a.rule_id,
        a.split_id,
        a.method,
        k.workspace_id,
        a.sku_name,
        k.product,
        a.usage_unit,
        sum(a.usage_quantity) as usage_quantity,
        sum(a.unpriced_quantity) as unpriced_quantity,
        sum(a.list_cost_usd) as list_cost_usd,
        sum(a.cost_usd) as cost_usd
    from costpulse.key_allocations as a
    inner join costpulse.cost_keys as k on a.key_id = k.key_id
    where a.usage_date = any(%(days)s::date[])
    group by
        a.usage_date, a.team_id, a.rule_id, a.split_id, a.method, k.workspace_id, a.sku_name, k.product, a.usage_unit
)

insert into costpulse.cost_allocations (
    usage_date, team_id, rule_id, split_id, method, workspace_id, sku_name, product, total_cost, list_cost_usd,
    breakdown
)
select
    u.usage_date,
    u.team_id,
    u.rule_id,
    u.split_id,
    u.method,
    u.workspace_id,
    u.sku_name,
    u.product,
    sum(u.cost_usd) as total_cost,
    sum(u.list_cost_usd) as list_cost_usd,
    jsonb_object_agg(
        u.usage_unit, jsonb_build_object('quantity', u.usage_quantity, 'unpriced_quantity', u.unpriced_quantity)
    ) as breakdown
from units as u
group by u.usage_date, u.team_id, u.rule_id, u.split_id, u.method, u.workspace_id, u.sku_name, u.product
