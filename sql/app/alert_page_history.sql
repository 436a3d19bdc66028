-- one row per finding and message, newest finding first; findings that were told to nobody have one without a message
with asked as (
    select
        %(id)s::bigint as id,
        %(alert)s::bigint as alert_id,
        %(status)s::text as status,
        %(first)s::timestamptz as first_at
)

select
    h.id,
    h.alert_id,
    a.name as alert_name,
    h.alert_type,
    h.triggered_at,
    h.status,
    h.current_value,
    h.threshold,
    h.message,
    h.severity,
    h.phase,
    h.reminder,
    h.occurred_on,
    h.scope_type,
    h.scope_name,
    h.ended_at,
    h.acknowledged_at,
    h.acknowledged_by,
    o.id as message_id,
    o.channel,
    o.state,
    o.due_at,
    o.held_for,
    o.attempts,
    o.delivered_at,
    o.settled_at,
    o.answer,
    o.bundle_id,
    count(*) over () as found
from asked
inner join costpulse.alert_history as h
    on
        (asked.id is null and h.triggered_at >= asked.first_at or h.id = asked.id)
        and (asked.alert_id is null or h.alert_id = asked.alert_id)
inner join costpulse.alerts as a on h.alert_id = a.id
left join costpulse.alert_outbox as o on h.id = o.history_id
where
    case asked.status
        when 'problems' then o.state in ('refused', 'failed', 'unknown') and h.acknowledged_at is null
        when 'delivered' then o.state = 'delivered'
        when 'waiting' then o.state in ('waiting', 'sending')
        when 'undelivered' then o.state in ('refused', 'failed')
        when 'unknown' then o.state = 'unknown'
        when 'untold' then h.status <> 'told'
        else true
    end
order by h.triggered_at desc, h.id desc, o.id asc
limit %(most)s
