-- usage_date x workspace x run x basis x shared compute: what runs cost on the days. Billed: what the bill names the
-- run for. Apportioned: of what a cluster or warehouse cost that day without being billed to a job or pipeline, the
-- share of the run's task seconds in the seconds it was up; where tasks side by side make more than that, in all of
-- theirs.
with tasks as (
    select
        t.usage_date,
        t.workspace_id,
        t.job_run_id as run_id,
        t.compute_type,
        t.compute_id,
        t.task_seconds,
        sum(t.task_seconds) over (
            partition by t.usage_date, t.workspace_id, t.compute_type, t.compute_id
        ) as seconds_of_all
    from costpulse.job_task_days as t
    where t.usage_date = any(%(days)s::date[])
),

up as (
    select
        n.usage_date,
        n.workspace_id,
        'cluster' as compute_type,
        n.cluster_id as compute_id,
        sum(n.up_minutes) * 60 as up_seconds
    from costpulse.node_utilization as n
    where n.usage_date = any(%(days)s::date[])
    group by n.usage_date, n.workspace_id, n.cluster_id
    union all
    select
        w.usage_date,
        w.workspace_id,
        'warehouse' as compute_type,
        w.warehouse_id as compute_id,
        sum(w.running_seconds) as up_seconds
    from costpulse.warehouse_uptime as w
    where w.usage_date = any(%(days)s::date[])
    group by w.usage_date, w.workspace_id, w.warehouse_id
),

shared_keys as (
    select
        k.key_id,
        k.workspace_id,
        case when k.warehouse_id is null then 'cluster' else 'warehouse' end as compute_type,
        coalesce(k.warehouse_id, k.cluster_id) as compute_id
    from costpulse.cost_keys as k
    where
        coalesce(k.warehouse_id, k.cluster_id) is not null
        and k.job_id is null
        and k.pipeline_id is null
),

shared as (
    select
        c.usage_date,
        k.workspace_id,
        k.compute_type,
        k.compute_id,
        sum(c.dbu_count) as dbu_count,
        sum(c.list_cost_usd) as list_cost_usd,
        sum(c.cost_usd) as cost_usd
    from costpulse.daily_key_costs as c
    inner join shared_keys as k on c.key_id = k.key_id
    where c.usage_date = any(%(days)s::date[])
    group by c.usage_date, k.workspace_id, k.compute_type, k.compute_id
),

apportioned as (
    select
        t.usage_date,
        t.workspace_id,
        t.run_id,
        t.compute_type,
        t.compute_id,
        t.task_seconds,
        s.dbu_count,
        s.list_cost_usd,
        s.cost_usd,
        greatest(u.up_seconds, t.seconds_of_all) as seconds
    from tasks as t
    inner join shared as s
        on
            t.usage_date = s.usage_date
            and t.workspace_id = s.workspace_id
            and t.compute_type = s.compute_type
            and t.compute_id = s.compute_id
    left join up as u
        on
            t.usage_date = u.usage_date
            and t.workspace_id = u.workspace_id
            and t.compute_type = u.compute_type
            and t.compute_id = u.compute_id
    where t.task_seconds > 0
),

billed as (
    select
        b.usage_date,
        b.workspace_id,
        b.run_id,
        sum(b.usage_quantity) filter (where b.usage_unit = 'DBU') as dbu_count,
        sum(b.list_cost_usd) as list_cost_usd,
        sum(b.cost_usd) as cost_usd
    from costpulse.job_run_usage as b
    where b.usage_date = any(%(days)s::date[])
    group by b.usage_date, b.workspace_id, b.run_id
),

run_tasks as (
    select
        t.usage_date,
        t.workspace_id,
        t.run_id,
        sum(t.task_seconds) as task_seconds
    from tasks as t
    group by t.usage_date, t.workspace_id, t.run_id
)

insert into costpulse.job_run_costs (
    usage_date, workspace_id, run_id, cost_basis, compute_type, compute_id, task_seconds, dbu_count, list_cost_usd,
    cost_usd
)
select
    b.usage_date,
    b.workspace_id,
    b.run_id,
    'billed' as cost_basis,
    null as compute_type,
    null as compute_id,
    t.task_seconds,
    b.dbu_count,
    b.list_cost_usd,
    b.cost_usd
from billed as b
left join run_tasks as t
    on
        b.usage_date = t.usage_date
        and b.workspace_id = t.workspace_id
        and b.run_id = t.run_id
union all
-- whole attos, cut off: the shares of a day can never be more than there is
select
    a.usage_date,
    a.workspace_id,
    a.run_id,
    'apportioned' as cost_basis,
    a.compute_type,
    a.compute_id,
    a.task_seconds,
    div(a.dbu_count * 1e18 * a.task_seconds, a.seconds) * 1e-18 as dbu_count,
    div(a.list_cost_usd * 1e18 * a.task_seconds, a.seconds) * 1e-18 as list_cost_usd,
    div(a.cost_usd * 1e18 * a.task_seconds, a.seconds) * 1e-18 as cost_usd
from apportioned as a
