-- one row per run of a job that has a day in the window, newest first, and how many there are: a page of them
select
    r.run_id,
    r.run_type,
    r.trigger_type,
    r.first_usage_date,
    r.last_usage_date,
    r.started_at,
    r.ended_at,
    r.duration_seconds,
    r.queue_seconds,
    r.setup_seconds,
    r.execution_seconds,
    r.attempts,
    r.result,
    r.termination_code,
    r.compute_type,
    r.cluster_id,
    r.warehouse_id,
    r.cost_basis,
    r.dbu_count,
    case when %(is_list)s then r.list_cost_usd else r.cost_usd end as amount,
    case when %(is_list)s then r.window_list_cost_usd else r.window_cost_usd end as window_amount,
    count(*) over () as total
from
    costpulse.runs_of_jobs(
        %(first)s, %(last)s, %(jobs)s, null, %(teams)s, %(tags)s, %(run)s
    ) as r
where %(results)s::text[] is null or r.result = any(%(results)s::text[])
order by coalesce(r.started_at, r.first_usage_date::timestamp at time zone 'UTC') desc, r.run_id asc
limit %(most)s::bigint offset %(skipped)s::bigint
