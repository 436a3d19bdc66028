-- alerts becomes this list: rows without an id are new, in this order, and ids that are not in it go
with wanted as (
    select
        w.id,
        w.name,
        w.alert_type,
        w.scope_type,
        w.scope_id,
        w.threshold_value,
        w.options,
        w.severity,
        w.notification_channels,
        w.owner,
        w.cooldown_minutes,
        w.quiet_from,
        w.quiet_until,
        w.muted_until,
        w.watches_from,
        w.is_active,
        w.position
    from jsonb_to_recordset(%(alerts)s::jsonb) as w (
        id bigint,
        name text,
        alert_type text,
        scope_type text,
        scope_id text,
        threshold_value numeric,
        options jsonb,
        severity text,
        notification_channels jsonb,
        owner text,
        cooldown_minutes integer,
        quiet_from time,
        quiet_until time,
        muted_until timestamptz,
        watches_from date,
        is_active boolean,
        position integer
    )
),

gone as (
    delete from costpulse.alerts as a
    where not exists (select 1 from wanted as w where w.id = a.id)
),

changed as (
    update costpulse.alerts as a
    set
        name = w.name,
        alert_type = w.alert_type,
        scope_type = w.scope_type,
        scope_id = w.scope_id,
        threshold_value = w.threshold_value,
        options = w.options,
        severity = w.severity,
        notification_channels = w.notification_channels,
        owner = w.owner,
        cooldown_minutes = w.cooldown_minutes,
        quiet_from = w.quiet_from,
        quiet_until = w.quiet_until,
        muted_until = w.muted_until,
        watches_from = w.watches_from,
        is_active = w.is_active,
        version = a.version + 1,
        updated_at = now()
    from wanted as w
    where
        w.id = a.id
        and (
            a.name, a.alert_type, a.scope_type, a.scope_id, a.threshold_value, a.options, a.severity,
            a.notification_channels, a.owner, a.cooldown_minutes, a.quiet_from, a.quiet_until, a.muted_until,
            a.watches_from, a.is_active
        ) is distinct from (
            w.name, w.alert_type, w.scope_type, w.scope_id, w.threshold_value, w.options, w.severity,
            w.notification_channels, w.owner, w.cooldown_minutes, w.quiet_from, w.quiet_until, w.muted_until,
            w.watches_from, w.is_active
        )
)

insert into costpulse.alerts (
    name, alert_type, scope_type, scope_id, threshold_value, options, severity, notification_channels, owner,
    cooldown_minutes, quiet_from, quiet_until, muted_until, watches_from, is_active
)
select
    w.name,
    w.alert_type,
    w.scope_type,
    w.scope_id,
    w.threshold_value,
    w.options,
    w.severity,
    w.notification_channels,
    w.owner,
    w.cooldown_minutes,
    w.quiet_from,
    w.quiet_until,
    w.muted_until,
    w.watches_from,
    w.is_active
from wanted as w
where w.id is null
order by w.position
