-- one row per finding that was recorded of the same alert, scope and subject as one of these
select
    h.alert_id,
    h.scope_type,
    h.scope_id,
    h.subject,
    h.threshold,
    h.reminder,
    h.status
from costpulse.alert_history as h
inner join (
    select distinct
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.subject
    from
        unnest(
            %(alert_ids)s::bigint[], %(scope_types)s::text[], %(scope_ids)s::text[], %(subjects)s::text[]
        ) as a (alert_id, scope_type, scope_id, subject)
) as asked
    on
        h.alert_id = asked.alert_id
        and h.scope_type = asked.scope_type
        and h.scope_id = asked.scope_id
        and h.subject = asked.subject
where h.phase = 'firing'
