-- usage_date x key x SKU x unit x team: whole weeks in one row each, dated on their Monday, for a question whose
-- windows begin and end inside of %(cut_weeks)s only: those come day by day
select
    w.week as usage_date,
    w.key_id,
    w.sku_name,
    w.usage_unit,
    w.team_id,
    w.list_cost_usd,
    w.cost_usd,
    w.dbu_count,
    w.unpriced_quantity
from costpulse.weekly_key_costs as w
where w.week <> all(%(cut_weeks)s::date[])
union all
select
    d.usage_date,
    d.key_id,
    d.sku_name,
    d.usage_unit,
    d.team_id,
    d.list_cost_usd,
    d.cost_usd,
    d.dbu_count,
    d.unpriced_quantity
from costpulse.daily_key_costs as d
where d.usage_date = any(%(cut_days)s::date[])
