-- one row per job asked for that was collected and may be seen: what it is. Ids are workspace/job. Each is looked up by
-- itself: whether a viewer of some teams may see a job is asked of the bill, and not of jobs that nobody asks for.
select
    j.workspace_id,
    j.job_id,
    j.name,
    j.owner,
    j.creator,
    j.schedule,
    j.trigger_type,
    j.paused,
    j.create_time,
    j.delete_time
from unnest(%(jobs)s::text[]) as a (id)
cross join
    lateral (
        select
            k.workspace_id,
            k.job_id,
            k.name,
            k.owner,
            k.creator,
            k.schedule,
            k.trigger_type,
            k.paused,
            k.create_time,
            k.delete_time
        from costpulse.jobs as k
        where
            k.workspace_id = split_part(a.id, '/', 1)
            and k.job_id = substring(a.id from position('/' in a.id) + 1)
        limit 1
    ) as j
