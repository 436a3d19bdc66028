-- one row per group (null: rows without it): the period, its final days, and the period it is compared with.
-- {rollup} is the smallest table that has every dimension asked for; {amount} the measure that is judged.
select
    {chosen} as group_id,
    {label} as group_name,
    sum(c.cost_usd) filter (where c.usage_date between %(first)s and %(last)s) as cost_usd,
    sum(c.list_cost_usd) filter (where c.usage_date between %(first)s and %(last)s) as list_cost_usd,
    sum(c.dbu_count) filter (where c.usage_date between %(first)s and %(last)s) as dbu_count,
    sum({amount}) filter (where c.usage_date between %(first)s and %(last_final)s) as final_amount,
    sum({amount}) filter (where c.usage_date between %(before_first)s and %(before_last)s) as before_amount,
    bool_or(c.usage_date between %(first)s and %(last)s) as in_period
from {rollup} as c
where
    (
        c.usage_date between %(first)s and %(last)s
        or c.usage_date between %(before_first)s and %(before_last)s
    )
    and {filters}
group by 1
