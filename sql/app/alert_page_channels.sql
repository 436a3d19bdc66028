-- one row per channel that a message went to since a moment: what became of the newest one that was tried
select distinct on (channel)
    channel,
    purpose,
    state,
    answer,
    attempts,
    coalesce(settled_at, created_at) as at,
    count(*) filter (where state = 'delivered') over (partition by channel) as delivered,
    count(*) filter (where state in ('refused', 'failed', 'unknown')) over (partition by channel) as not_delivered
from costpulse.alert_outbox
where created_at >= %(since)s and purpose <> 'bundle' and attempts > 0
order by channel asc, coalesce(settled_at, created_at) desc, id desc
