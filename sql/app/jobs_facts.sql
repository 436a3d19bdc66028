-- one row per job asked for that was collected and may be seen: what it is. Ids are workspace/job.
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
from costpulse.jobs as j
where
    (j.workspace_id, j.job_id) in (
        select
            split_part(a.id, '/', 1) as workspace_id,
            substring(a.id from position('/' in a.id) + 1) as job_id
        from unnest(%(jobs)s::text[]) as a (id)
    )
