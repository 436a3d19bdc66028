-- one row per team that has cost before or after, Unallocated included; what changes most comes first
select
    o.team_id,
    sum(o.before_usd) as before_usd,
    sum(o.after_usd) as after_usd
from simulated_owners as o
group by o.team_id
having bool_or(o.before_usd <> 0 or o.after_usd <> 0)
order by abs(sum(o.after_usd) - sum(o.before_usd)) desc, sum(o.after_usd) desc, o.team_id asc
