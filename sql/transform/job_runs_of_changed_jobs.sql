-- runs built before their job was changed get its owner, schedule and tags of now; job_name is that of the time
update costpulse.job_runs as r
set
    schedule = j.schedule,
    owner = j.owner,
    tags = j.tags
from costpulse.jobs as j
where
    r.workspace_id = j.workspace_id
    and r.job_id = j.job_id
    and (r.schedule, r.owner, r.tags) is distinct from (j.schedule, j.owner, j.tags)
