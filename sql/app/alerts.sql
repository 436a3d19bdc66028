-- one row per alert, by name: what people typed, and whether it ever went off; a team goes by its name
select
    a.id,
    a.version,
    a.updated_at,
    a.scope_id,
    a.name,
    a.alert_type,
    a.scope_type,
    coalesce(t.name, a.scope_id) as scope,
    a.threshold_value,
    a.options,
    a.severity,
    a.notification_channels,
    a.owner,
    a.cooldown_minutes,
    a.quiet_from,
    a.quiet_until,
    a.muted_until,
    a.watches_from,
    a.is_active,
    a.id in (select h.alert_id from costpulse.alert_history as h) as has_history
from costpulse.alerts as a
left join costpulse.teams as t on a.scope_type = 'team' and a.scope_id = t.id::text
order by lower(a.name)
