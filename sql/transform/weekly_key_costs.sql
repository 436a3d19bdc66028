-- week x key_id x SKU x unit x team: sums of daily_key_costs
insert into costpulse.weekly_key_costs (
    week, key_id, sku_name, usage_unit, team_id, dbu_count, list_cost_usd, cost_usd, unpriced_quantity, record_count
)
select
    w.week,
    d.key_id,
    d.sku_name,
    d.usage_unit,
    d.team_id,
    sum(d.dbu_count) as dbu_count,
    sum(d.list_cost_usd) as list_cost_usd,
    sum(d.cost_usd) as cost_usd,
    sum(d.unpriced_quantity) as unpriced_quantity,
    sum(d.record_count) as record_count
from unnest(%(weeks)s::date[]) as w (week)
inner join costpulse.daily_key_costs as d on d.usage_date between w.week and w.week + 6
group by w.week, d.key_id, d.sku_name, d.usage_unit, d.team_id
