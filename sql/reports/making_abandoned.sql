-- reports that are being made by nobody: whoever makes one holds its lock
with running as materialized (
    select r.id
    from costpulse.reports as r
    where r.status = 'running'
    for update skip locked
),

abandoned as materialized (
    select n.id
    from running as n
    where pg_try_advisory_xact_lock(hashtextextended('costpulse.reports', n.id))
)

update costpulse.reports as r
set status = 'failed', problem = %(problem)s, finished_at = %(now)s
from abandoned as a
where r.id = a.id
returning
    r.id,
    r.name,
    r.channels
