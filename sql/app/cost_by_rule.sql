-- rule or split: what it has claimed in a period
select
    a.rule_id,
    a.split_id,
    sum(a.total_cost) as cost_usd,
    sum(a.list_cost_usd) as list_cost_usd
from costpulse.cost_allocations as a
where
    a.usage_date between %(first)s and %(last)s
    and (a.rule_id is not null or a.split_id is not null)
group by a.rule_id, a.split_id
