-- the message of what an alert found last; no row: it never found anything
select h.content
from costpulse.alert_history as h
where h.alert_id = %(id)s
order by h.triggered_at desc, h.id desc
limit 1
