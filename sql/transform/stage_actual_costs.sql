-- scope x final day: what it cost, as it streams in
create temporary table staged_actual_costs (
    scope_type text not null,
    scope_id text not null,
    usage_date date not null,
    cost_usd double precision not null
) on commit drop
