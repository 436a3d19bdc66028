-- one row per message that a bundle carries, the most severe and oldest first
select
    m.id,
    m.severity,
    m.created_at,
    m.content ->> 'title' as title
from costpulse.alert_outbox as m
where
    m.bundle_id = %(id)s
    and m.state in ('waiting', 'failed')
order by array_position(array['critical', 'warning', 'info'], m.severity), m.created_at, m.id
