-- issues whose parts do not add up to the whole, on days that every scope of them reaches: workspaces, products, SKUs,
-- and the teams at the top with Unallocated, each to everything; teams below one to at most that one
with issued as (
    select
        f.data_until,
        f.is_backtest,
        f.scope_type,
        f.scope_id,
        f.forecast_date,
        f.predicted_cost,
        t.parent_team_id
    from costpulse.forecasts as f
    left join costpulse.teams as t on f.scope_type = 'team' and f.scope_id = t.id::text
    where f.data_until = any(%(days)s)
),

reached as (
    select
        data_until,
        is_backtest,
        min(last_day) as last_day
    from (
        select
            data_until,
            is_backtest,
            max(forecast_date) as last_day
        from issued
        group by data_until, is_backtest, scope_type, scope_id
    ) as scopes
    group by data_until, is_backtest
),

placed as (
    select
        i.data_until,
        i.is_backtest,
        i.scope_type,
        i.forecast_date,
        i.predicted_cost,
        coalesce(above.scope_id, '') as above_id
    from issued as i
    inner join reached as r
        on i.data_until = r.data_until and i.is_backtest = r.is_backtest and i.forecast_date <= r.last_day
    left join issued as above
        on
            i.data_until = above.data_until
            and i.is_backtest = above.is_backtest
            and i.forecast_date = above.forecast_date
            and above.scope_type = 'team'
            and i.parent_team_id::text = above.scope_id
    where i.scope_type in ('workspace', 'product', 'sku', 'team')
),

parts as (
    select
        data_until,
        is_backtest,
        forecast_date,
        scope_type,
        above_id,
        sum(predicted_cost) as predicted_cost
    from placed
    group by data_until, is_backtest, forecast_date, scope_type, above_id
)

select
    p.data_until,
    p.is_backtest,
    p.forecast_date,
    p.scope_type,
    p.above_id,
    p.predicted_cost as parts_cost,
    w.predicted_cost as whole_cost
from parts as p
inner join issued as w
    on
        p.data_until = w.data_until
        and p.is_backtest = w.is_backtest
        and p.forecast_date = w.forecast_date
        and w.scope_type = case when p.above_id = '' then 'everything' else 'team' end
        and p.above_id = w.scope_id
where
    case when p.above_id = '' then p.predicted_cost <> w.predicted_cost else p.predicted_cost > w.predicted_cost end
order by p.data_until, p.forecast_date, p.scope_type
