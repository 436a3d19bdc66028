-- one row per source and connection whose last reading did not go through
select
    s.source,
    s.connection,
    s.state,
    s.message,
    s.next_step,
    s.attempted_at,
    s.succeeded_at
from costpulse.collection_status as s
where s.state <> 'ok'
order by s.source, s.connection
