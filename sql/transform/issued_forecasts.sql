-- scope x day of the issues of one last final day, in order: what is expected
select
    f.scope_type,
    f.scope_id,
    f.predicted_cost::double precision as predicted_cost
from costpulse.forecasts as f
where f.data_until = %(data_until)s and not f.is_backtest and f.scope_type || ' ' || f.scope_id = any(%(scopes)s)
order by f.scope_type, f.scope_id, f.forecast_date
