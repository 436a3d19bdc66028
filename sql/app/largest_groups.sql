-- one row per group of {groups}, the %(largest)s largest by {amount}, and one row that counts and sums up the others
with placed as (
    select
        c.group_id,
        c.group_name,
        c.cost_usd,
        c.list_cost_usd,
        c.dbu_count,
        c.final_amount,
        c.before_amount,
        c.in_period,
        row_number() over (order by coalesce({amount}, 0) desc, c.group_id asc) as place
    from ({groups}) as c
)

select
    p.group_id,
    p.group_name,
    p.cost_usd,
    p.list_cost_usd,
    p.dbu_count,
    p.final_amount,
    p.before_amount,
    p.in_period,
    0 as further
from placed as p
where p.place <= %(largest)s
union all
select
    null as group_id,
    null as group_name,
    sum(p.cost_usd) as cost_usd,
    sum(p.list_cost_usd) as list_cost_usd,
    sum(p.dbu_count) as dbu_count,
    sum(p.final_amount) as final_amount,
    sum(p.before_amount) as before_amount,
    bool_or(p.in_period) as in_period,
    count(*) as further
from placed as p
where p.place > %(largest)s
having count(*) > 0
