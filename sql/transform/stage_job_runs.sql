-- one row per run that has slices or cost on a day of the window, or had some when it was last built
create temporary table staged_job_runs on commit drop as
select
    r.workspace_id,
    r.run_id
from costpulse.job_runs as r
where r.last_usage_date >= %(from_date)s and r.first_usage_date <= %(to_date)s
union
select
    d.workspace_id,
    d.run_id
from costpulse.job_run_days as d
where d.usage_date between %(from_date)s and %(to_date)s
union
select
    c.workspace_id,
    c.run_id
from costpulse.job_run_costs as c
where c.usage_date between %(from_date)s and %(to_date)s
