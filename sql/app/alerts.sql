-- one row per alert: what people typed, and whether it ever went off
select
    a.id,
    a.name,
    a.alert_type,
    a.threshold_value,
    a.notification_channels,
    a.cooldown_minutes,
    a.is_active,
    a.id in (select h.alert_id from costpulse.alert_history as h) as has_history
from costpulse.alerts as a
order by lower(a.name)
