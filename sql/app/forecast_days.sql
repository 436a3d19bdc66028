-- one row per day that the newest issue of a scope reaches
select
    f.forecast_date,
    f.predicted_cost,
    f.lower_bound,
    f.upper_bound
from costpulse.forecasts as f
where
    f.scope_type = %(scope_type)s
    and f.scope_id = %(scope_id)s
    and not f.is_backtest
    and f.data_until = %(data_until)s
order by f.forecast_date
