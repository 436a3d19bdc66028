-- one row per alert and scope asked for that spoke before: when its last message was delivered, or is to be
select
    h.alert_id,
    h.scope_type,
    h.scope_id,
    max(coalesce(o.delivered_at, o.due_at)) as last_due_at
from costpulse.alert_history as h
inner join (
    select distinct
        a.alert_id,
        a.scope_type,
        a.scope_id
    from
        unnest(%(alert_ids)s::bigint[], %(scope_types)s::text[], %(scope_ids)s::text[]) as a (
            alert_id, scope_type, scope_id
        )
) as asked
    on
        h.alert_id = asked.alert_id
        and h.scope_type = asked.scope_type
        and h.scope_id = asked.scope_id
inner join costpulse.alert_outbox as o on h.id = o.history_id
group by h.alert_id, h.scope_type, h.scope_id
