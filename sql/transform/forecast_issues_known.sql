-- one row per scope that has a forecast from this last final day, and one where backtests were made
select distinct
    f.scope_type,
    f.scope_id,
    false as is_backtest
from costpulse.forecasts as f
where f.data_until = %(data_until)s and not f.is_backtest
union all
select
    '' as scope_type,
    '' as scope_id,
    true as is_backtest
where
    exists (select from costpulse.forecasts as f where f.is_backtest)
    -- of old ones the scores are left
    or exists (select from costpulse.forecast_scores as s where s.is_backtest)
