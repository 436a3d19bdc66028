-- one row per week in which a scope was forecast: its first issue (one of the time before a backtest) and what that
-- said of the seven days after it
with first_issues as (
    select distinct on (date_trunc('week', s.data_until::timestamp))
        s.scope_type,
        s.scope_id,
        s.data_until,
        s.is_backtest
    from costpulse.forecast_scores as s
    where
        s.scope_type = %(scope_type)s
        and s.scope_id = %(scope_id)s
        and s.horizon_bucket = '1-7'
        and s.is_complete
        and s.days = 7
        and s.data_until >= %(since)s
    order by date_trunc('week', s.data_until::timestamp), s.is_backtest, s.data_until
)

select
    i.data_until,
    i.is_backtest,
    sum(f.predicted_cost) as predicted_cost,
    sum(f.naive_cost) as naive_cost
from first_issues as i
inner join costpulse.forecasts as f
    on
        i.scope_type = f.scope_type
        and i.scope_id = f.scope_id
        and i.data_until = f.data_until
        and i.is_backtest = f.is_backtest
        and f.forecast_date <= i.data_until + 7
group by i.data_until, i.is_backtest
order by i.data_until
