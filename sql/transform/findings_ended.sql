-- what was told before, or with it, is over: of these subjects, whatever the order in which they were found
update costpulse.alert_history as h
set ended_at = e.triggered_at
from costpulse.alert_history as e
inner join
    unnest(
        %(alert_ids)s::bigint[], %(scope_types)s::text[], %(scope_ids)s::text[], %(subjects)s::text[]
    ) as a (alert_id, scope_type, scope_id, subject)
    on
        e.alert_id = a.alert_id
        and e.scope_type = a.scope_type
        and e.scope_id = a.scope_id
        and e.subject = a.subject
where
    e.phase = 'ended'
    and h.phase = 'firing'
    and h.ended_at is null
    and h.alert_id = e.alert_id
    and h.scope_type = e.scope_type
    and h.scope_id = e.scope_id
    and h.subject = e.subject
