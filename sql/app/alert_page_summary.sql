-- one row: messages of findings by what became of them; a problem is one whose finding nobody looks after
with asked as (
    select
        %(first)s::timestamptz as first_at,
        %(since)s::timestamptz as since,
        %(overdue)s::timestamptz as overdue
)

select
    count(*) filter (where o.created_at >= asked.since and o.state = 'delivered') as delivered,
    count(*) filter (
        where o.created_at >= asked.since and o.state in ('delivered', 'refused', 'failed', 'unknown')
    ) as settled,
    count(*) filter (where o.state in ('waiting', 'sending')) as waiting,
    count(*) filter (where o.state = 'refused' and h.acknowledged_at is null) as refused,
    count(*) filter (where o.state = 'failed' and h.acknowledged_at is null) as failed,
    count(*) filter (where o.state = 'unknown' and h.acknowledged_at is null) as unknown,
    count(*) filter (
        where o.state = 'waiting' and o.due_at < asked.overdue and o.created_at < asked.overdue
    ) as overdue
from asked
inner join costpulse.alert_outbox as o on asked.first_at <= o.created_at
inner join costpulse.alert_history as h on o.history_id = h.id
