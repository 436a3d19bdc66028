-- no row: a day and SKU for which job_run_usage has more than cost_records hold of keys with a job, for days that were
-- read since cost_records last changed. It may have less: some usage of jobs names no run. Money is rounded once per
-- row, to 18 digits, and the rows are other ones: half a digit for each row on either side is no difference.
with days as (
    select d.usage_date
    from costpulse.collected_days as d
    inner join costpulse.built_days as b on d.usage_date = b.usage_date
    where
        d.source = 'cost_records'
        and b.asset = 'job_run_usage'
        and b.upstream_version = d.changed_at
        and d.usage_date = any(%(days)s::date[])
),

recorded as (
    select
        r.usage_date,
        r.sku_name,
        sum(r.usage_quantity) as usage_quantity,
        sum(r.list_cost_usd) as list_cost_usd,
        sum(r.cost_usd) as cost_usd,
        count(*) as row_count
    from costpulse.cost_records as r
    where r.usage_date = any(%(days)s::date[]) and r.job_id is not null
    group by r.usage_date, r.sku_name
),

named as (
    select
        u.usage_date,
        u.sku_name,
        sum(u.usage_quantity) as usage_quantity,
        sum(u.list_cost_usd) as list_cost_usd,
        sum(u.cost_usd) as cost_usd,
        count(*) as row_count
    from costpulse.job_run_usage as u
    inner join days as d on u.usage_date = d.usage_date
    where u.usage_date = any(%(days)s::date[]) and u.job_id is not null
    group by u.usage_date, u.sku_name
)

select
    n.usage_date,
    n.sku_name,
    r.cost_usd as recorded_cost_usd,
    n.cost_usd as run_cost_usd,
    r.usage_quantity as recorded_quantity,
    n.usage_quantity as run_quantity
from named as n
left join recorded as r on n.usage_date = r.usage_date and n.sku_name = r.sku_name
where
    r.sku_name is null
    or n.usage_quantity > r.usage_quantity
    or coalesce(n.list_cost_usd, 0) - coalesce(r.list_cost_usd, 0) > (r.row_count + n.row_count) * 0.5e-18
    or coalesce(n.cost_usd, 0) - coalesce(r.cost_usd, 0) > (r.row_count + n.row_count) * 0.5e-18
order by n.usage_date, n.sku_name
limit 20
