-- how much each open and accepted recommendation matters: what it adds to the savings, and its share of the cost
update costpulse.recommendations as r
set severity = j.severity
from (
    select
        o.id,
        case
            when
                o.estimated_savings >= %(critical_usd)s
                and o.estimated_savings * 100 >= o.resource_cost_usd * %(critical_percent)s
                then 'critical'
            when
                o.estimated_savings >= %(high_usd)s
                and o.estimated_savings * 100 >= o.resource_cost_usd * %(high_percent)s
                then 'high'
            when
                o.estimated_savings >= %(medium_usd)s
                and o.estimated_savings * 100 >= o.resource_cost_usd * %(medium_percent)s
                then 'medium'
            else 'low'
        end as severity
    from costpulse.recommendations as o
    where o.status in ('open', 'accepted')
) as j
where r.id = j.id and r.severity <> j.severity
