-- one row per job that changed since a moment, its newest version (is_latest), and one per older version of it with
-- another name than the version before
with versions as (
    select
        j.*,
        lag(j.name) over (partition by j.workspace_id, j.job_id order by j.change_time, j.name) as previous_name,
        row_number() over (
            partition by j.workspace_id, j.job_id order by j.change_time desc, j.name desc
        ) as age
    from system.lakeflow.jobs as j
    where j.change_time >= :changed_since and j.workspace_id is not null and j.job_id is not null
)

select
    v.workspace_id,
    v.job_id,
    v.name,
    v.change_time,
    v.age = 1 as is_latest,
    coalesce(v.run_as_user_name, v.run_as) as owner,
    coalesce(v.creator_user_name, v.creator_id) as creator,
    v.trigger_type,
    v.trigger.schedule.quartz_cron_expression as cron_expression,
    v.trigger.schedule.timezone_id as time_zone,
    cast(v.trigger.periodic.interval as string) as period_length,
    v.trigger.periodic.units as period_unit,
    v.trigger.continuous.enabled as is_continuous,
    v.paused,
    coalesce(to_json(map_from_entries(array_sort(map_entries(v.tags)))), '{}') as tags,
    v.create_time,
    v.delete_time
from versions as v
where v.age = 1 or v.name is distinct from v.previous_name
