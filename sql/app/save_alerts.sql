-- alerts becomes this list: rows without an id are new, and ids that are not in it go
with wanted as (
    select
        w.id,
        w.name,
        w.alert_type,
        w.threshold_value,
        w.notification_channels,
        w.cooldown_minutes,
        w.is_active
    from unnest(
        %(ids)s::bigint[],
        %(names)s::text[],
        %(alert_types)s::text[],
        %(threshold_values)s::numeric[],
        %(notification_channels)s::jsonb[],
        %(cooldown_minutes)s::integer[],
        %(is_active)s::boolean[]
    ) as w (id, name, alert_type, threshold_value, notification_channels, cooldown_minutes, is_active)
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
        threshold_value = w.threshold_value,
        notification_channels = w.notification_channels,
        cooldown_minutes = w.cooldown_minutes,
        is_active = w.is_active
    from wanted as w
    where
        w.id = a.id
        and (
            a.name, a.alert_type, a.threshold_value, a.notification_channels, a.cooldown_minutes, a.is_active
        ) is distinct from (
            w.name, w.alert_type, w.threshold_value, w.notification_channels, w.cooldown_minutes, w.is_active
        )
)

insert into costpulse.alerts (
    name, alert_type, threshold_value, notification_channels, cooldown_minutes, is_active
)
select
    w.name,
    w.alert_type,
    w.threshold_value,
    w.notification_channels,
    w.cooldown_minutes,
    w.is_active
from wanted as w
where w.id is null
