-- one row per group, as spend_by_group, for groups of which each period has its own: the two periods are summed up
-- at the same time, each by a process of its own, where one pass over both would hold all the groups of both.
-- max: a period has at most one row of a group. Most days are final: those that are not are less to sum up.
select
    s.group_id,
    max(s.group_name) as group_name,
    max(s.cost_usd) as cost_usd,
    max(s.list_cost_usd) as list_cost_usd,
    max(s.dbu_count) as dbu_count,
    max(s.final_amount) as final_amount,
    max(s.before_amount) as before_amount,
    bool_or(s.in_period) as in_period
from (
    select
        {chosen} as group_id,
        {label} as group_name,
        sum(c.cost_usd) as cost_usd,
        sum(c.list_cost_usd) as list_cost_usd,
        sum(c.dbu_count) as dbu_count,
        case
            when count({amount}) filter (where c.usage_date <= %(last_final)s) > 0
                then sum({amount}) - coalesce(sum({amount}) filter (where c.usage_date > %(last_final)s), 0)
        end as final_amount,
        null::numeric as before_amount,
        true as in_period
    from {rollup} as c
    where
        c.usage_date between %(first)s and %(last)s
        and {filters}
    group by 1
    union all
    select
        {chosen} as group_id,
        {label} as group_name,
        null as cost_usd,
        null as list_cost_usd,
        null as dbu_count,
        null as final_amount,
        sum({amount}) as before_amount,
        false as in_period
    from {rollup} as c
    where
        c.usage_date between %(before_first)s and %(before_last)s
        and {filters}
    group by 1
) as s
group by 1
