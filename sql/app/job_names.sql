-- one row per job asked for that the bill names: its newest name there. Ids are workspace/job.
select
    coalesce(k.workspace_id, '') || '/' || k.job_id as id,
    (array_agg(k.job_name order by k.last_usage_date desc))[1] as name
from costpulse.cost_keys as k
where coalesce(k.workspace_id, '') || '/' || k.job_id = any(%(ids)s::text[]) and k.job_name is not null
group by 1
