-- one row: what changes when forecasts are issued or scored, budgets are edited or looked at, or bridges are made
select
    newest.data_until,
    (
        select count(*) from costpulse.forecast_landings as l
        where l.data_until = newest.data_until
    ) as landings,
    (
        select max(s.scored_at) from costpulse.forecast_scores as s
        where s.data_until = (select max(o.data_until) from costpulse.forecast_scores as o)
    ) as scored_at,
    (select count(*) from costpulse.budgets) as budgets,
    (select max(b.updated_at) from costpulse.budgets as b) as budgets_at,
    (select max(s.computed_at) from costpulse.budget_status as s) as status_at,
    (select max(c.computed_at) from costpulse.change_bridge as c) as bridges_at
from (
    select max(l.data_until) as data_until
    from costpulse.forecast_landings as l
) as newest
