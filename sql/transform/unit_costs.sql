-- usage_date x unit x workspace x resource: what was paid, and how many units there were for it
with ended as (
    select
        r.last_usage_date as usage_date,
        r.workspace_id,
        r.job_id,
        count(*) as runs,
        count(*) filter (where r.result_state = 'SUCCEEDED') as successful_runs
    from costpulse.job_runs as r
    where r.last_usage_date = any(%(days)s::date[]) and r.result_state is not null and r.duration_seconds > 0
    group by r.last_usage_date, r.workspace_id, r.job_id
),

-- by the day, so that a run past midnight costs on both of its days
paid as (
    select
        c.usage_date,
        c.workspace_id,
        r.job_id,
        sum(c.cost_usd) as cost_usd
    from costpulse.job_run_costs as c
    inner join costpulse.job_runs as r
        on c.workspace_id = r.workspace_id and c.run_id = r.run_id and c.cost_basis = r.cost_basis
    where c.usage_date = any(%(days)s::date[])
    group by c.usage_date, c.workspace_id, r.job_id
),

jobs as (
    select
        coalesce(p.usage_date, e.usage_date) as usage_date,
        coalesce(p.workspace_id, e.workspace_id) as workspace_id,
        coalesce(p.job_id, e.job_id) as job_id,
        p.cost_usd,
        coalesce(e.runs, 0) as runs,
        coalesce(e.successful_runs, 0) as successful_runs
    from paid as p
    full join ended as e
        on
            p.usage_date = e.usage_date
            and p.workspace_id = e.workspace_id
            and coalesce(p.job_id, '') = coalesce(e.job_id, '')
),

-- somebody is active who ran what was billed, or asked a warehouse
active as (
    select
        s.usage_date,
        s.workspace_id,
        s.identity
    from (
        select
            c.usage_date,
            c.workspace_id,
            lower(c.user_email) as identity
        from costpulse.daily_user_costs as c
        where c.usage_date = any(%(days)s::date[])
        union
        select
            q.usage_date,
            q.workspace_id,
            lower(q.executed_by) as identity
        from costpulse.query_activity as q
        where q.usage_date = any(%(days)s::date[])
    ) as s
    inner join costpulse.users as u on s.identity = lower(u.identity) and u.kind = 'person'
),

people as (
    select
        a.usage_date,
        a.workspace_id,
        grouping(a.workspace_id) = 1 as is_account,
        count(distinct a.identity) as users
    from active as a
    group by grouping sets ((a.usage_date, a.workspace_id), (a.usage_date))
),

bill as (
    select
        c.usage_date,
        c.workspace_id,
        grouping(c.workspace_id) = 1 as is_account,
        sum(c.cost_usd) as cost_usd
    from costpulse.daily_workspace_costs as c
    where c.usage_date = any(%(days)s::date[])
    group by grouping sets ((c.usage_date, c.workspace_id), (c.usage_date))
)

insert into costpulse.unit_costs (
    usage_date, unit, resource_type, workspace_id, resource_id, cost_usd, units
)
select
    j.usage_date,
    u.unit,
    'job' as resource_type,
    j.workspace_id,
    j.job_id as resource_id,
    j.cost_usd,
    u.units
from jobs as j
cross join
    lateral (
        values ('job run', j.runs), ('successful job run', j.successful_runs)
    ) as u (unit, units)
union all
select
    w.usage_date,
    u.unit,
    'warehouse' as resource_type,
    w.workspace_id,
    w.warehouse_id as resource_id,
    w.cost_usd,
    u.units
from costpulse.warehouse_daily as w
cross join
    lateral (
        values ('query', w.executions), ('warehouse hour', w.running_hours)
    ) as u (unit, units)
-- unknown is not none: without events or statements nothing can be said
where w.usage_date = any(%(days)s::date[]) and u.units is not null
union all
select
    b.usage_date,
    'active user' as unit,
    case when b.is_account then 'account' else 'workspace' end as resource_type,
    b.workspace_id,
    null as resource_id,
    b.cost_usd,
    coalesce(p.users, 0) as units
from bill as b
left join people as p
    on
        b.usage_date = p.usage_date
        and b.is_account = p.is_account
        and coalesce(b.workspace_id, '') = coalesce(p.workspace_id, '')
