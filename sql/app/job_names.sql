-- one row per job asked for: its newest name
select
    coalesce(k.workspace_id, '') || '/' || k.job_id as id,
    (array_agg(k.job_name order by k.last_usage_date desc) filter (where k.job_name is not null))[1] as name
from costpulse.cost_keys as k
where coalesce(k.workspace_id, '') || '/' || k.job_id = any(%(ids)s::text[])
group by 1
