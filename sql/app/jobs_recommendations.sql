-- one row per recommendation about a job that is open or accepted, the largest first
select
    r.id,
    r.title,
    r.status,
    r.estimated_savings,
    r.wasted_usd,
    r.confidence
from costpulse.recommendations as r
where
    r.workspace_id = %(workspace_id)s::text
    and r.resource_type = 'job'
    and r.resource_id = %(job_id)s::text
    and r.status in ('open', 'accepted')
order by r.estimated_savings desc, r.id asc
