-- one row per job, from its newest version; what is not among the staged ones keeps its row
insert into costpulse.jobs as known (
    workspace_id, job_id, name, owner, creator, schedule, trigger_type, paused, tags, create_time, delete_time,
    change_time, connection
)
select
    s.workspace_id,
    s.job_id,
    s.name,
    s.owner,
    s.creator,
    case
        when s.cron_expression is not null then concat(s.cron_expression, ' (' || s.time_zone || ')')
        when s.period_length = '1' then 'every ' || rtrim(lower(s.period_unit), 's')
        when s.period_length is not null then 'every ' || s.period_length || ' ' || lower(s.period_unit)
        when s.is_continuous or s.trigger_type = 'CONTINUOUS' then 'continuous'
        when s.trigger_type = 'FILE_ARRIVAL' then 'file arrival'
        when s.trigger_type in ('TABLE', 'TABLE_UPDATE') then 'table update'
    end as schedule,
    s.trigger_type,
    s.paused,
    s.tags,
    s.create_time,
    s.delete_time,
    s.change_time,
    %(connection)s as connection
from staged_jobs as s
where s.is_latest
on conflict (workspace_id, job_id) do update set
    name = excluded.name,
    owner = excluded.owner,
    creator = excluded.creator,
    schedule = excluded.schedule,
    trigger_type = excluded.trigger_type,
    paused = excluded.paused,
    tags = excluded.tags,
    create_time = excluded.create_time,
    delete_time = excluded.delete_time,
    change_time = excluded.change_time,
    connection = excluded.connection,
    updated_at = now()
