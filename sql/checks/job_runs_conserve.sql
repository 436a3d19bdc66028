-- no row: a run of the days that job_runs lacks, or whose cost there is not the sum of its days in job_run_costs
with touched as (
    select
        c.workspace_id,
        c.run_id
    from costpulse.job_run_costs as c
    where c.usage_date = any(%(days)s::date[])
    union
    select
        d.workspace_id,
        d.run_id
    from costpulse.job_run_days as d
    where d.usage_date = any(%(days)s::date[])
),

summed as (
    select
        t.workspace_id,
        t.run_id,
        sum(c.cost_usd) filter (where c.cost_basis = 'billed') as billed_cost_usd,
        sum(c.cost_usd) filter (where c.cost_basis = 'apportioned') as apportioned_cost_usd
    from touched as t
    left join costpulse.job_run_costs as c on t.workspace_id = c.workspace_id and t.run_id = c.run_id
    group by t.workspace_id, t.run_id
)

select
    s.workspace_id,
    s.run_id,
    s.billed_cost_usd,
    s.apportioned_cost_usd,
    r.cost_usd
from summed as s
left join costpulse.job_runs as r on s.workspace_id = r.workspace_id and s.run_id = r.run_id
where
    r.run_id is null
    or r.apportioned_cost_usd is distinct from s.apportioned_cost_usd
    or r.cost_usd is distinct from case
        when r.cost_basis = 'billed' then s.billed_cost_usd
        when r.cost_basis = 'apportioned' then s.apportioned_cost_usd
    end
order by s.workspace_id, s.run_id
limit 20
