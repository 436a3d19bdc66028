-- one row per job with runs on both sides: the median cost of a run that began in the last 14 final days, and of one
-- that began in the 28 before. Runs count whole, so only those that have a cost and are over on the last final day.
with judged as (
    select
        j.workspace_id,
        j.job_id,
        case when %(is_list)s then j.list_cost_usd else j.cost_usd end as amount,
        j.first_usage_date > %(last_final)s::date - 14 as is_new
    from
        costpulse.runs_of_jobs(
            %(last_final)s::date - 41, %(last_final)s, %(jobs)s, %(workspaces)s, %(teams)s, %(tags)s
        ) as j
    where
        j.job_id is not null
        and j.first_usage_date >= %(last_final)s::date - 41
        and j.last_usage_date <= %(last_final)s::date
        and (j.ended_at is not null or j.started_at is null)
)

select
    r.workspace_id,
    r.job_id,
    count(*) filter (where r.is_new) as runs_now,
    percentile_disc(0.5) within group (order by r.amount) filter (where r.is_new) as median_now,
    count(*) filter (where not r.is_new) as runs_before,
    percentile_disc(0.5) within group (order by r.amount) filter (where not r.is_new) as median_before
from judged as r
where r.amount is not null
group by r.workspace_id, r.job_id
having count(*) filter (where r.is_new) > 0 and count(*) filter (where not r.is_new) > 0
