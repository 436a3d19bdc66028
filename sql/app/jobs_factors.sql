-- one row for each of the two windows that has runs with cost: what was billed for runs on its days, and what that is
-- made of. A run that lies across an edge of the window counts, and has the part of its time that it has of its DBUs.
with windows as (
    select
        'then' as period,
        %(then_first)s::date as first_date,
        %(then_last)s::date as last_date,
        %(jobs)s::text[] as jobs,
        %(teams)s::text[] as teams,
        %(tags)s::jsonb as tags,
        %(is_list)s::boolean as is_list
    union all
    select
        'now' as period,
        %(now_first)s::date as first_date,
        %(now_last)s::date as last_date,
        %(jobs)s::text[] as jobs,
        %(teams)s::text[] as teams,
        %(tags)s::jsonb as tags,
        %(is_list)s::boolean as is_list
),

billed as (
    select
        w.period,
        r.duration_seconds,
        r.window_dbu_count as dbu_count,
        case when w.is_list then r.window_list_cost_usd else r.window_cost_usd end as amount,
        coalesce(r.window_dbu_count / nullif(case when r.cost_basis = 'billed' then r.dbu_count end, 0), 1) as part
    from windows as w
    cross join costpulse.runs_of_jobs(w.first_date, w.last_date, w.jobs, null, w.teams, w.tags) as r
)

select
    b.period,
    count(*) as runs,
    sum(b.duration_seconds * b.part) as seconds,
    count(*) filter (where b.duration_seconds is null) as without_time,
    sum(b.dbu_count) as dbu_count,
    sum(b.amount) as amount
from billed as b
where b.amount is not null
group by b.period
