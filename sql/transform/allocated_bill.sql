-- team x workspace x product x SKU x unit: what was just allocated of a month (the view allocated), by other rules and
-- at other prices than those that counted when it was known
select
    %(month)s::date as month,
    %(month)s::date as booked_month,
    'reconstructed' as kind,
    null as cause,
    null::date as booked_on,
    a.team_id,
    t.name as team_name,
    k.workspace_id,
    k.product,
    a.sku_name,
    a.usage_unit,
    sum(a.usage_quantity) as usage_quantity,
    sum(a.unpriced_quantity) as unpriced_quantity,
    sum(a.list_cost_usd) as list_cost_usd,
    sum(a.cost_usd) as cost_usd
from allocated as a
inner join costpulse.cost_keys as k on a.key_id = k.key_id
left join costpulse.teams as t on a.team_id = t.id
group by a.team_id, t.name, k.workspace_id, k.product, a.sku_name, a.usage_unit
order by t.name, a.team_id, k.workspace_id, a.sku_name, a.usage_unit
