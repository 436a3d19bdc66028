-- a message that a person asked for to try a channel; its number
insert into costpulse.alert_outbox (dedup_key, purpose, severity, channel, content, due_at, requeued_by)
values (
    'test/' || %(alert_name)s || '/' || gen_random_uuid(), 'test', %(severity)s, %(channel)s, %(content)s,
    clock_timestamp() + %(patience)s, %(actor)s
)
returning id
