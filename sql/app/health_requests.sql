-- one row per run that was started from the app, newest first
select
    r.id,
    r.kind,
    r.first_day,
    r.last_day,
    r.requested_by,
    r.requested_at,
    r.run_id,
    r.problem
from costpulse.run_requests as r
order by r.id desc
limit %(most)s
