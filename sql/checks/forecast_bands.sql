-- issues with a day that is missing or lies outside its bounds, and landings that do not lie within theirs
select
    f.data_until,
    f.scope_type,
    f.scope_id,
    f.is_backtest,
    count(*) as days,
    max(f.forecast_date) - f.data_until as horizon,
    count(*) filter (
        where f.predicted_cost < f.lower_bound or f.predicted_cost > f.upper_bound or f.lower_bound < 0
    ) as days_outside
from costpulse.forecasts as f
where f.data_until = any(%(days)s)
group by f.data_until, f.scope_type, f.scope_id, f.is_backtest
having
    count(*) <> max(f.forecast_date) - f.data_until
    or bool_or(f.predicted_cost < f.lower_bound or f.predicted_cost > f.upper_bound or f.lower_bound < 0)
union all
select
    l.data_until,
    l.scope_type,
    l.scope_id,
    false as is_backtest,
    1 as days,
    1 as horizon,
    1 as days_outside
from costpulse.forecast_landings as l
where
    l.data_until = any(%(days)s)
    and (l.predicted_cost < l.lower_bound or l.predicted_cost > l.upper_bound or l.lower_bound < l.spent_usd)
order by data_until, scope_type, scope_id
