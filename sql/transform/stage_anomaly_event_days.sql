-- event x usage_date: its own days, and the days it is compared with, each with its weight in the sum over the event
create temporary table staged_anomaly_event_days (
    event_no integer not null,
    usage_date date not null,
    is_of_event boolean not null,
    weight numeric(38, 18) not null
) on commit drop
