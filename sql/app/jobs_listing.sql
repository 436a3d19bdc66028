-- one row per job with runs in the window (job_id null: runs that name no job): how the runs that began in it went, and
-- what was billed for runs on its days. Runs that never ran do not count as ended, and what has not ended has no cost
-- of a run yet.
with judged as (
    select
        j.workspace_id,
        j.job_id,
        j.job_name,
        j.first_usage_date,
        j.cost_basis,
        j.result,
        j.lost_share,
        j.compute_type,
        j.first_usage_date between %(first)s and %(last)s as began,
        j.ended_at is not null and j.result not in ('skipped', 'blocked') as has_ended,
        (j.ended_at is not null or j.started_at is null) and j.cost_basis is not null as is_whole,
        case when %(is_list)s then j.list_cost_usd else j.cost_usd end as amount,
        case when %(is_list)s then j.window_list_cost_usd else j.window_cost_usd end as billed,
        case when %(is_list)s then j.shared_list_cost_usd else j.shared_cost_usd end as shared
    from costpulse.runs_of_jobs(
        %(first)s, %(last)s, %(jobs)s, %(workspaces)s, %(teams)s, %(tags)s
    ) as j
)

select
    r.workspace_id,
    r.job_id,
    (array_agg(r.job_name order by r.first_usage_date desc) filter (where r.job_name is not null))[1] as name,
    count(*) filter (where r.began) as runs,
    count(*) filter (where r.began and r.result = 'succeeded') as succeeded,
    count(*) filter (where r.began and r.has_ended) as ended,
    count(*) filter (where r.began and r.lost_share = 1) as lost_runs,
    count(*) filter (where r.began and r.cost_basis is null and r.result not in ('skipped', 'blocked')) as without_cost,
    coalesce(sum(r.billed), 0) as billed,
    coalesce(sum(round(r.billed * r.lost_share, 18)), 0) as lost,
    sum(r.shared) as shared,
    percentile_disc(0.5) within group (order by r.amount) filter (where r.began and r.is_whole) as median_cost,
    percentile_disc(0.95) within group (order by r.amount) filter (where r.began and r.is_whole) as p95_cost,
    coalesce(array_agg(distinct r.compute_type) filter (where r.compute_type is not null), '{}') as compute_types,
    array_agg(distinct r.result) as results
from judged as r
group by r.workspace_id, r.job_id
order by r.workspace_id, r.job_id
