-- scope x day that the newest issue of all reaches; of one scope, or of all of a type
select
    f.scope_id,
    f.data_until,
    f.forecast_date,
    f.predicted_cost,
    f.lower_bound,
    f.upper_bound,
    f.level,
    f.model_type,
    f.reason
from costpulse.forecasts as f
where
    f.data_until = (select max(l.data_until) from costpulse.forecast_landings as l)
    and not f.is_backtest
    and f.scope_type = %(scope_type)s
    and (%(scope_id)s::text is null or f.scope_id = %(scope_id)s)
order by f.scope_id, f.forecast_date
