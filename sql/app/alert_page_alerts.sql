-- one row per alert, by name: what people typed, how it was evaluated last, and what it found since a moment
with found as (
    select
        alert_id,
        max(triggered_at) as last_fired_at,
        count(*) filter (where triggered_at >= %(since)s) as fired,
        count(*) filter (where triggered_at >= %(since)s and status = 'muted') as fired_muted
    from costpulse.alert_history
    where phase = 'firing'
    group by alert_id
)

select
    a.id,
    a.version,
    a.name,
    a.alert_type,
    a.threshold_value,
    a.notification_channels,
    a.cooldown_minutes,
    a.is_active,
    a.scope_type,
    a.scope_id,
    case when a.scope_type = 'team' then coalesce(t.name, a.scope_id) else a.scope_id end as scope,
    a.options::text as options,
    a.severity,
    a.owner,
    a.quiet_from,
    a.quiet_until,
    a.muted_until,
    a.watches_from,
    e.evaluated_at,
    e.outcome,
    e.problem,
    e.next_step,
    f.last_fired_at,
    coalesce(f.fired, 0) as fired,
    coalesce(f.fired_muted, 0) as fired_muted
from costpulse.alerts as a
left join costpulse.teams as t on a.scope_type = 'team' and a.scope_id = t.id::text
left join costpulse.alert_evaluations as e on a.id = e.alert_id
left join found as f on a.id = f.alert_id
order by lower(a.name)
