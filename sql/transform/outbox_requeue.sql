-- has a message sent again that did not arrive or may not have, and what a bundle carried with it; one row per message
with wanted as (
    -- what waits in a bundle goes with it
    select case when o.state = 'failed' then coalesce(o.bundle_id, o.id) else o.id end as id
    from costpulse.alert_outbox as o
    where o.id = %(id)s
),

again as (
    select
        o.id,
        o.state
    from costpulse.alert_outbox as o
    inner join wanted as w on o.id = w.id
    where
        o.state in ('unknown', 'refused', 'failed')
        and (
            o.purpose <> 'bundle'
            or exists (select 1 from costpulse.alert_outbox as m where m.bundle_id = o.id and m.state = o.state)
        )
    for update of o
)

update costpulse.alert_outbox as o
set
    state = 'waiting',
    due_at = clock_timestamp(),
    bundle_id = case when o.id = a.id then null else o.bundle_id end,
    failing_since = null,
    wait_until = null,
    credential = null,
    requeued_by = %(actor)s
from again as a
where
    o.id = a.id
    or (o.bundle_id = a.id and o.state = a.state)
returning o.id
