-- distance x is_backtest: how good the forecasts of a scope since a day were, days of more cost counting more
select
    s.horizon_bucket,
    s.is_backtest,
    count(*) as issues,
    sum(s.days) as days,
    sum(s.wape * s.actual_usd) / nullif(sum(s.actual_usd), 0) as wape,
    sum(s.naive_wape * s.actual_usd) / nullif(sum(s.actual_usd), 0) as naive_wape,
    sum(s.bias * s.actual_usd) / nullif(sum(s.actual_usd), 0) as bias,
    sum(s.coverage * s.days) / sum(s.days) as coverage,
    sum(s.actual_usd) as actual_usd
from costpulse.forecast_scores as s
where s.scope_type = %(scope_type)s and s.scope_id = %(scope_id)s and s.data_until >= %(since)s
group by s.horizon_bucket, s.is_backtest
order by array_position(array['1-7', '8-14', '15-30', '31+'], s.horizon_bucket), s.is_backtest
