-- one row: what our own queries cost the customer in a span of days; null where that is not known
select
    sum(s.cost_usd) as cost_usd,
    max(s.usage_date) as newest_day
from costpulse.v_self_cost as s
where s.usage_date between %(first)s::date and %(last)s::date and s.cost_usd is not null
