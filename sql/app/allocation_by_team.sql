-- team x method: cost of a period and of the one that it is compared with; team_id null is Unallocated
select
    a.team_id,
    a.method,
    sum(a.total_cost) filter (where a.usage_date between %(first)s and %(last)s) as cost_usd,
    sum(a.list_cost_usd) filter (where a.usage_date between %(first)s and %(last)s) as list_cost_usd,
    sum(a.total_cost) filter (where a.usage_date between %(before_first)s and %(before_last)s) as cost_before_usd,
    sum(a.list_cost_usd) filter (
        where a.usage_date between %(before_first)s and %(before_last)s
    ) as list_cost_before_usd
from costpulse.cost_allocations as a
where
    a.usage_date between %(first)s and %(last)s
    or a.usage_date between %(before_first)s and %(before_last)s
group by a.team_id, a.method
order by a.team_id nulls last, a.method
