-- Alerts, what they said, and reports.

create table costpulse.alerts (
    id bigint generated always as identity primary key,
    name text not null,
    alert_type text not null,
    threshold_value numeric(38, 18) check (threshold_value <> 'NaN'),
    notification_channels jsonb not null default '[]',
    cooldown_minutes integer not null default 60 check (cooldown_minutes >= 0),
    is_active boolean not null default true
);
create unique index alerts_name on costpulse.alerts (lower(name));

create table costpulse.alert_history (
    id bigint generated always as identity primary key,
    alert_id bigint not null references costpulse.alerts (id),
    triggered_at timestamptz not null default now(),
    status text not null,
    current_value numeric(38, 18) check (current_value <> 'NaN'),
    message text not null
);
create index alert_history_alert on costpulse.alert_history (alert_id, triggered_at);

create table costpulse.reports (
    id bigint generated always as identity primary key,
    name text not null,
    report_type text not null,
    format text not null,
    file_path text,
    status text not null,
    summary jsonb not null default '{}'
);
