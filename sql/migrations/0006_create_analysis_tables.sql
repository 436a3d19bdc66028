-- Forecasts and recommendations.

create table costpulse.forecasts (
    id bigint generated always as identity primary key,
    forecast_date date not null,
    predicted_cost numeric(38, 18) not null check (predicted_cost <> 'NaN'),
    lower_bound numeric(38, 18) check (lower_bound <> 'NaN'),
    upper_bound numeric(38, 18) check (upper_bound <> 'NaN'),
    model_type text not null
);

create table costpulse.recommendations (
    id bigint generated always as identity primary key,
    type text not null,
    severity text not null,
    title text not null,
    workspace_id text,
    resource_id text not null,
    estimated_savings numeric(38, 18) check (estimated_savings <> 'NaN'),
    status text not null default 'open'
        check (status in ('open', 'accepted', 'done', 'dismissed', 'expired'))
);
create unique index recommendations_key on costpulse.recommendations
    (type, workspace_id, resource_id) nulls not distinct;
