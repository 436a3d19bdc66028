-- one row at most: what our own queries cost on the newest of the days that is in
select
    s.usage_date,
    sum(s.cost_usd) as cost_usd
from costpulse.v_self_cost as s
where s.usage_date between %(from_date)s and %(to_date)s and s.cost_usd is not null
group by s.usage_date
order by s.usage_date desc
limit 1
