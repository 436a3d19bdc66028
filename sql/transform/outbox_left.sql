-- one row per reason why messages wait: held by their alert, or by their channel; how many, and until when
select
    case when o.state = 'failed' then 'tried again' else coalesce(o.held_for, 'waiting') end as reason,
    count(*) as messages,
    min(o.due_at) as first_due_at
from costpulse.alert_outbox as o
where
    o.state in ('waiting', 'failed')
    and o.purpose <> 'bundle'
group by reason
order by reason
