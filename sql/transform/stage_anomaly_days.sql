-- scope x usage_date: what charts of events draw, as judged by this run
create temporary table staged_anomaly_days (
    scope_type text not null,
    scope_id text not null,
    usage_date date not null,
    actual double precision not null,
    expected double precision,
    lower double precision,
    upper double precision,
    severity text,
    is_provisional boolean not null
) on commit drop
