-- one row: by how much what is allocated and Unallocated differs from the cost, over all days, sign dropped day by day
select
    count(*) as days,
    count(*) filter (where d.difference_usd <> 0 or d.list_difference_usd <> 0) as differing_days,
    coalesce(sum(abs(d.difference_usd)), 0) as difference_usd,
    min(d.usage_date) filter (where d.difference_usd <> 0 or d.list_difference_usd <> 0) as first_differing_day
from (
    select
        u.usage_date,
        sum(u.cost_usd) as difference_usd,
        sum(u.list_cost_usd) as list_difference_usd
    from (
        select
            a.usage_date,
            coalesce(a.total_cost, 0) as cost_usd,
            coalesce(a.list_cost_usd, 0) as list_cost_usd
        from costpulse.cost_allocations as a
        union all
        select
            c.usage_date,
            -coalesce(c.cost_usd, 0) as cost_usd,
            -coalesce(c.list_cost_usd, 0) as list_cost_usd
        from costpulse.daily_costs as c
    ) as u
    group by u.usage_date
) as d
