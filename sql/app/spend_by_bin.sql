-- one row per day, week (its Monday) or month (its first day) x group; null: every group that is not named
select
    {bucket} as bin,
    case when coalesce({chosen}, '~') = any(%(named)s::text[]) then coalesce({chosen}, '~') end as group_id,
    sum({amount}) as amount
from {rollup} as c
where
    c.usage_date between %(first)s and %(last)s
    and {filters}
group by 1, 2
