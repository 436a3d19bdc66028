-- one row per day of two periods on which what is allocated and Unallocated do not add up to the cost; none when all
-- is well
select
    d.usage_date,
    sum(d.allocated_usd) as allocated_usd,
    sum(d.cost_usd) as cost_usd
from (
    select
        a.usage_date,
        coalesce(a.total_cost, 0) as allocated_usd,
        coalesce(a.list_cost_usd, 0) as allocated_list_usd,
        0 as cost_usd,
        0 as list_cost_usd
    from costpulse.cost_allocations as a
    union all
    select
        c.usage_date,
        0 as allocated_usd,
        0 as allocated_list_usd,
        coalesce(c.cost_usd, 0) as cost_usd,
        coalesce(c.list_cost_usd, 0) as list_cost_usd
    from costpulse.daily_costs as c
) as d
where
    d.usage_date between %(first)s and %(last)s
    or d.usage_date between %(before_first)s and %(before_last)s
group by d.usage_date
having sum(d.allocated_usd) <> sum(d.cost_usd) or sum(d.allocated_list_usd) <> sum(d.list_cost_usd)
order by d.usage_date
