-- one message per channel that asked to hear of a report
insert into costpulse.alert_outbox (dedup_key, purpose, severity, channel, content, due_at)
select
    %(key)s || ' > ' || c.channel as dedup_key,
    'report' as purpose,
    %(severity)s as severity,
    c.channel,
    %(content)s as content,
    %(now)s as due_at
from jsonb_array_elements_text(%(channels)s::jsonb) as c (channel)
on conflict (dedup_key) do nothing
