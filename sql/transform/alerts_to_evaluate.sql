-- one row per alert that is switched on, by name; it cannot be deleted before the transaction ends
select
    a.id,
    a.name,
    a.alert_type,
    a.scope_type,
    a.scope_id,
    a.threshold_value,
    a.notification_channels,
    a.cooldown_minutes,
    a.severity,
    a.owner,
    a.quiet_from,
    a.quiet_until,
    a.muted_until,
    a.watches_from,
    a.options
from costpulse.alerts as a
where a.is_active
order by lower(a.name)
for key share of a
