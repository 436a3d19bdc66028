-- no row: a day and unit whose cost is not exactly that of the tables it is made from, or with more successes than runs
with made as (
    select
        c.usage_date,
        c.unit,
        c.resource_type,
        sum(c.cost_usd) as cost_usd,
        sum(c.units) as units
    from costpulse.unit_costs as c
    where c.usage_date = any(%(days)s::date[])
    group by c.usage_date, c.unit, c.resource_type
),

expected as (
    select
        w.usage_date,
        'query' as unit,
        'warehouse' as resource_type,
        sum(w.cost_usd) as cost_usd,
        sum(w.executions) as units
    from costpulse.warehouse_daily as w
    where w.usage_date = any(%(days)s::date[]) and w.executions is not null
    group by w.usage_date
    union all
    select
        w.usage_date,
        'warehouse hour' as unit,
        'warehouse' as resource_type,
        sum(w.cost_usd) as cost_usd,
        sum(w.running_hours) as units
    from costpulse.warehouse_daily as w
    where w.usage_date = any(%(days)s::date[]) and w.running_hours is not null
    group by w.usage_date
    union all
    select
        c.usage_date,
        'active user' as unit,
        t.resource_type,
        sum(c.cost_usd) as cost_usd,
        null as units
    from costpulse.daily_key_costs as c
    cross join (values ('account'), ('workspace')) as t (resource_type)
    where c.usage_date = any(%(days)s::date[])
    group by c.usage_date, t.resource_type
    union all
    select
        d.usage_date,
        t.unit,
        'job' as resource_type,
        (
            select sum(c.cost_usd)
            from costpulse.job_run_costs as c
            inner join costpulse.job_runs as r
                on c.workspace_id = r.workspace_id and c.run_id = r.run_id and c.cost_basis = r.cost_basis
            where c.usage_date = d.usage_date
        ) as cost_usd,
        null as units
    from unnest(%(days)s::date[]) as d (usage_date)
    cross join (values ('job run'), ('successful job run')) as t (unit)
)

select
    coalesce(m.usage_date, e.usage_date) as usage_date,
    coalesce(m.unit, e.unit) as unit,
    coalesce(m.resource_type, e.resource_type) as resource_type,
    m.cost_usd,
    e.cost_usd as expected_cost_usd,
    m.units,
    e.units as expected_units
from made as m
full join expected as e on m.usage_date = e.usage_date and m.unit = e.unit and m.resource_type = e.resource_type
where m.cost_usd is distinct from e.cost_usd or (e.units is not null and m.units is distinct from e.units)
union all
select
    s.usage_date,
    s.unit,
    s.resource_type,
    s.cost_usd,
    r.cost_usd as expected_cost_usd,
    s.units,
    r.units as expected_units
from made as s
inner join made as r on s.usage_date = r.usage_date and r.unit = 'job run'
where s.unit = 'successful job run' and s.units > r.units
