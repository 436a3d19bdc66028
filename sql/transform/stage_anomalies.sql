-- event found by this run: a row of anomalies to be
create temporary table staged_anomalies (
    event_no integer primary key,
    scope_type text not null,
    scope_id text not null,
    kind text not null,
    direction text not null,
    start_date date not null,
    end_date date,
    last_date date not null,
    recognised_on date not null,
    is_provisional boolean not null,
    severity text not null,
    score double precision not null,
    sensitivity double precision not null,
    days_digest text not null,
    anomaly_id bigint,
    is_due boolean not null default true
) on commit drop
