-- one row per issue and distance into the future, of issues whose days are there: the forecast of the days that are
-- final beside what they cost
with compared as (
    select
        f.data_until,
        f.scope_type,
        f.scope_id,
        f.is_backtest,
        f.model_type,
        case
            when f.forecast_date <= f.data_until + 7 then '1-7'
            when f.forecast_date <= f.data_until + 14 then '8-14'
            when f.forecast_date <= f.data_until + 30 then '15-30'
            else '31+'
        end as horizon_bucket,
        a.cost_usd as actual,
        f.predicted_cost::double precision - a.cost_usd as error,
        f.naive_cost::double precision - a.cost_usd as naive_error,
        a.cost_usd between f.lower_bound::double precision and f.upper_bound::double precision as is_covered
    from costpulse.forecasts as f
    left join staged_actual_costs as a
        on f.scope_type = a.scope_type and f.scope_id = a.scope_id and f.forecast_date = a.usage_date
)

insert into costpulse.forecast_scores (
    data_until, scope_type, scope_id, is_backtest, horizon_bucket, model_type, days, is_complete, actual_usd, wape,
    bias, coverage, naive_wape
)
select
    c.data_until,
    c.scope_type,
    c.scope_id,
    c.is_backtest,
    c.horizon_bucket,
    min(c.model_type) as model_type,
    count(c.actual) as days,
    count(c.actual) = count(*) as is_complete,
    sum(abs(c.actual)) as actual_usd,
    sum(abs(c.error)) / nullif(sum(abs(c.actual)), 0) as wape,
    sum(c.error) / nullif(sum(abs(c.actual)), 0) as bias,
    avg(c.is_covered::integer)::double precision as coverage,
    sum(abs(c.naive_error)) / nullif(sum(abs(c.actual)), 0) as naive_wape
from compared as c
group by c.data_until, c.scope_type, c.scope_id, c.is_backtest, c.horizon_bucket
having count(c.actual) > 0
on conflict (data_until, scope_type, scope_id, is_backtest, horizon_bucket) do update set
    days = excluded.days,
    is_complete = excluded.is_complete,
    actual_usd = excluded.actual_usd,
    wape = excluded.wape,
    bias = excluded.bias,
    coverage = excluded.coverage,
    naive_wape = excluded.naive_wape,
    scored_at = now()
