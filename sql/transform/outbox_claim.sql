-- claims messages that are due, or one that is asked for; one row per message, what others claim just now left out
with due as materialized (
    select
        o.id,
        o.history_id
    from costpulse.alert_outbox as o
    where
        o.state in ('waiting', 'failed')
        and o.bundle_id is null
        and (
            o.id = %(only)s::bigint
            or (
                %(only)s::bigint is null
                and o.channel <> all(%(channels_left_out)s::text[])
                and (
                    o.due_at <= %(now)s
                    or (o.state = 'failed' and o.settled_at < %(retry_failed_before)s::timestamptz)
                )
                and not exists (
                    select 1
                    from costpulse.alert_outbox as w
                    where
                        w.channel = o.channel
                        and w.wait_until > %(now)s
                        and (
                            w.state = 'failed'
                            or (w.state = 'unknown' and %(retry_failed_before)s::timestamptz is null)
                        )
                )
            )
        )
    order by o.severity <> 'critical', o.attempts, o.due_at, o.id
    limit %(limit)s
    for update skip locked
)

update costpulse.alert_outbox as o
set
    state = 'sending',
    claim = gen_random_uuid(),
    lease_until = %(lease_until)s,
    attempts = o.attempts + 1
from due as d
left join costpulse.alert_history as h on d.history_id = h.id
where o.id = d.id
returning
    o.id,
    o.dedup_key,
    o.purpose,
    o.channel,
    o.content,
    o.claim,
    o.attempts,
    o.history_id,
    h.phase = 'firing' and h.acknowledged_at is null and h.alert_type <> 'digest' as can_be_acknowledged
