-- one row: whether the viewer may know of a job, by its cost or its runs, and the name its runs have
with asked as (
    select
        %(workspace_id)s::text as workspace_id,
        %(job_id)s::text as job_id
),

runs as (
    select
        r.job_name,
        r.first_usage_date
    from asked as a
    inner join costpulse.job_runs as r on a.workspace_id = r.workspace_id and a.job_id = r.job_id
)

select
    exists(
        select
        from asked as a
        inner join costpulse.cost_keys as k on a.workspace_id = k.workspace_id and a.job_id = k.job_id
        inner join costpulse.daily_key_costs as d on k.key_id = d.key_id
    ) as has_cost,
    exists(select from runs) as has_runs,
    (
        select r.job_name
        from runs as r
        where r.job_name is not null
        order by r.first_usage_date desc
        limit 1
    ) as run_name
