-- no row: a day on which the billed cost of job_run_costs is not that of job_run_usage, or a cluster or warehouse whose
-- runs share more of a day than it cost
with billed as (
    select
        b.usage_date,
        coalesce(sum(b.usage_quantity) filter (where b.usage_unit = 'DBU'), 0) as dbu_count,
        coalesce(sum(b.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(b.cost_usd), 0) as cost_usd
    from costpulse.job_run_usage as b
    where b.usage_date = any(%(days)s::date[])
    group by b.usage_date
),

split as (
    select
        c.usage_date,
        coalesce(sum(c.dbu_count), 0) as dbu_count,
        coalesce(sum(c.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(c.cost_usd), 0) as cost_usd
    from costpulse.job_run_costs as c
    where c.usage_date = any(%(days)s::date[]) and c.cost_basis = 'billed'
    group by c.usage_date
),

shared as (
    select
        d.usage_date,
        k.workspace_id,
        coalesce(k.warehouse_id, k.cluster_id) as compute_id,
        coalesce(sum(d.dbu_count), 0) as dbu_count,
        coalesce(sum(d.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(d.cost_usd), 0) as cost_usd
    from costpulse.daily_key_costs as d
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    where
        d.usage_date = any(%(days)s::date[])
        and k.job_id is null
        and k.pipeline_id is null
        and coalesce(k.warehouse_id, k.cluster_id) is not null
    group by d.usage_date, k.workspace_id, coalesce(k.warehouse_id, k.cluster_id)
),

shares as (
    select
        c.usage_date,
        c.workspace_id,
        c.compute_id,
        coalesce(sum(c.dbu_count), 0) as dbu_count,
        coalesce(sum(c.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(c.cost_usd), 0) as cost_usd
    from costpulse.job_run_costs as c
    where c.usage_date = any(%(days)s::date[]) and c.cost_basis = 'apportioned'
    group by c.usage_date, c.workspace_id, c.compute_id
)

select
    coalesce(b.usage_date, s.usage_date) as usage_date,
    'all billed runs' as compute_id,
    b.cost_usd as expected_cost_usd,
    s.cost_usd as derived_cost_usd
from billed as b
full join split as s on b.usage_date = s.usage_date
where (b.dbu_count, b.list_cost_usd, b.cost_usd) is distinct from (s.dbu_count, s.list_cost_usd, s.cost_usd)
union all
select
    s.usage_date,
    s.compute_id,
    h.cost_usd as expected_cost_usd,
    s.cost_usd as derived_cost_usd
from shares as s
left join shared as h
    on
        s.usage_date = h.usage_date
        and s.workspace_id = h.workspace_id
        and s.compute_id = h.compute_id
where
    h.compute_id is null
    or abs(s.dbu_count) > abs(h.dbu_count)
    or abs(s.list_cost_usd) > abs(h.list_cost_usd)
    or abs(s.cost_usd) > abs(h.cost_usd)
order by usage_date, compute_id
limit 20
