-- Forecasts.

create table costpulse.forecasts (
    id bigint generated always as identity primary key,
    forecast_date date not null,
    predicted_cost numeric(38, 18) not null check (predicted_cost <> 'NaN'),
    lower_bound numeric(38, 18) check (lower_bound <> 'NaN'),
    upper_bound numeric(38, 18) check (upper_bound <> 'NaN'),
    model_type text not null
);
