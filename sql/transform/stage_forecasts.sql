-- what is about to be issued, as it streams in
create temporary table staged_forecasts (
    data_until date not null,
    scope_type text not null,
    scope_id text not null,
    is_backtest boolean not null,
    forecast_date date not null,
    predicted_cost numeric(38, 18) not null,
    lower_bound numeric(38, 18) not null,
    upper_bound numeric(38, 18) not null,
    naive_cost numeric(38, 18) not null,
    level double precision not null,
    model_type text not null,
    reason text not null
) on commit drop
