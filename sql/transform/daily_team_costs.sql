-- usage_date x team x product: sums of daily_costs
insert into costpulse.daily_team_costs (
    usage_date, team_id, product, dbu_count, list_cost_usd, cost_usd, record_count
)
select
    d.usage_date,
    d.team_id,
    d.product,
    sum(d.dbu_count) as dbu_count,
    sum(d.list_cost_usd) as list_cost_usd,
    sum(d.cost_usd) as cost_usd,
    sum(d.record_count) as record_count
from costpulse.daily_costs as d
where d.usage_date = any(%(days)s::date[])
group by d.usage_date, d.team_id, d.product
