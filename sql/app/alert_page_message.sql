-- one row: where a message is on its way
select
    state,
    answer,
    attempts,
    due_at,
    channel
from costpulse.alert_outbox
where id = %(id)s
