-- gives up the claims of processes that did not come back, with what their bundles carry; one row per message
with expired as (
    select o.id
    from costpulse.alert_outbox as o
    where
        o.state = 'sending'
        and o.lease_until < %(now)s
    for update skip locked
),

lost as (
    select e.id
    from expired as e
    union all
    select m.id
    from costpulse.alert_outbox as m
    inner join expired as e on m.bundle_id = e.id
    where m.state in ('waiting', 'failed')
)

update costpulse.alert_outbox as o
set
    state = 'unknown',
    claim = null,
    lease_until = null,
    failing_since = null,
    settled_at = %(now)s,
    answer = %(answer)s
from lost as l
where o.id = l.id
returning o.id, o.purpose
