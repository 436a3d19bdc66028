-- one row per job with cost in the window: the team that bears most of it (null: unallocated), and how many bear it
with asked as (
    select
        %(first)s::date as first_date,
        %(last)s::date as last_date,
        %(jobs)s::text[] as jobs,
        %(workspaces)s::text[] as workspaces
),

borne as (
    select
        coalesce(k.workspace_id, '') as workspace_id,
        k.job_id,
        d.team_id,
        sum(d.cost_usd) as cost_usd
    from asked as a
    inner join costpulse.daily_key_costs as d on d.usage_date between a.first_date and a.last_date
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    where
        k.job_id is not null
        and (a.workspaces is null or k.workspace_id = any(a.workspaces))
        and (a.jobs is null or coalesce(k.workspace_id, '') || '/' || k.job_id = any(a.jobs))
    group by coalesce(k.workspace_id, ''), k.job_id, d.team_id
)

select
    b.workspace_id,
    b.job_id,
    (array_agg(b.team_id order by b.cost_usd desc nulls last, b.team_id asc))[1] as team_id,
    count(*) as teams
from borne as b
group by b.workspace_id, b.job_id
