-- usage_date x workspace x SKU x product x unit x team: sums of key_allocations
insert into costpulse.daily_costs (
    usage_date, workspace_id, sku_name, product, usage_unit, team_id,
    usage_quantity, dbu_count, list_cost_usd, cost_usd, unpriced_quantity, record_count
)
select
    a.usage_date,
    k.workspace_id,
    a.sku_name,
    k.product,
    a.usage_unit,
    a.team_id,
    sum(a.usage_quantity) as usage_quantity,
    sum(a.usage_quantity) filter (where a.usage_unit = 'DBU') as dbu_count,
    sum(a.list_cost_usd) as list_cost_usd,
    sum(a.cost_usd) as cost_usd,
    sum(a.unpriced_quantity) as unpriced_quantity,
    sum(a.record_count) as record_count
from costpulse.key_allocations as a
inner join costpulse.cost_keys as k on a.key_id = k.key_id
where a.usage_date = any(%(days)s::date[])
group by a.usage_date, k.workspace_id, a.sku_name, k.product, a.usage_unit, a.team_id
-- the rows of a team, then of a SKU, then of a workspace, lie together: filters on each of them read few pages
order by a.usage_date, a.team_id, a.sku_name, k.workspace_id
