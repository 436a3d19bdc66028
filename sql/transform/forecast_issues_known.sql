-- one row per scope that has a forecast from this last final day, or a backtest
select distinct
    f.scope_type,
    f.scope_id,
    f.is_backtest
from costpulse.forecasts as f
where f.is_backtest or f.data_until = %(data_until)s
