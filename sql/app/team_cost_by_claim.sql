-- method x rule x split: what has come to the teams in a period and in the one that it is compared with
select
    a.method,
    a.rule_id,
    a.split_id,
    sum(a.total_cost) filter (where a.usage_date between %(first)s and %(last)s) as cost_usd,
    sum(a.list_cost_usd) filter (where a.usage_date between %(first)s and %(last)s) as list_cost_usd,
    sum(a.total_cost) filter (where a.usage_date between %(before_first)s and %(before_last)s) as cost_before_usd,
    sum(a.list_cost_usd) filter (
        where a.usage_date between %(before_first)s and %(before_last)s
    ) as list_cost_before_usd
from costpulse.cost_allocations as a
where
    a.team_id = any(%(teams)s::bigint[])
    and (
        a.usage_date between %(first)s and %(last)s
        or a.usage_date between %(before_first)s and %(before_last)s
    )
group by a.method, a.rule_id, a.split_id
order by a.method, a.rule_id, a.split_id
