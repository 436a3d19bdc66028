-- what was refused for a credential that is another one now waits again; one row per message
update costpulse.alert_outbox as o
set
    state = 'waiting',
    due_at = %(now)s,
    credential = null
where
    o.state = 'refused'
    and o.purpose <> 'test'
    and o.channel = %(channel)s
    and o.credential = %(credential)s
    and (
        o.purpose <> 'bundle'
        or exists (select 1 from costpulse.alert_outbox as m where m.bundle_id = o.id and m.state = o.state)
    )
returning o.id, o.purpose
