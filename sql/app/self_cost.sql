-- one row: what our own queries cost the customer on a day; null where that is not known
select sum(s.cost_usd) as cost_usd
from costpulse.v_self_cost as s
where s.usage_date = %(day)s
