-- one row: what there is to do about reports
select
    count(*) filter (where r.status = 'requested') as requested,
    coalesce(max(r.id) filter (where r.status = 'requested'), 0) as newest_requested,
    count(*) filter (where r.status = 'running' and r.started_at < %(running_since)s) as running_long
from costpulse.reports as r
where r.status in ('requested', 'running')
