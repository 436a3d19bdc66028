-- one row per group of {groups}, the %(largest)s largest by {amount}, and one row that counts and sums up the others
with numbered as materialized (
    select
        c.group_id,
        c.group_name,
        c.cost_usd,
        c.list_cost_usd,
        c.dbu_count,
        c.final_amount,
        c.before_amount,
        c.in_period,
        row_number() over () as number
    from ({groups}) as c
),

-- only so many are put in order
largest as materialized (
    select c.*
    from numbered as c
    order by coalesce({amount}, 0) desc, c.group_id asc
    limit %(largest)s
)

select
    l.group_id,
    l.group_name,
    l.cost_usd,
    l.list_cost_usd,
    l.dbu_count,
    l.final_amount,
    l.before_amount,
    l.in_period,
    0 as further
from largest as l
union all
select
    null as group_id,
    null as group_name,
    sum(n.cost_usd) as cost_usd,
    sum(n.list_cost_usd) as list_cost_usd,
    sum(n.dbu_count) as dbu_count,
    sum(n.final_amount) as final_amount,
    sum(n.before_amount) as before_amount,
    bool_or(n.in_period) as in_period,
    count(*) as further
from numbered as n
where n.number not in (select l.number from largest as l)
having count(*) > 0
