-- no row: a day on which tag_compliance, or tag_key_compliance under any key, has not exactly the cost of
-- daily_key_costs
with billed as (
    select
        d.usage_date,
        coalesce(sum(d.cost_usd), 0) as cost_usd
    from costpulse.daily_key_costs as d
    where d.usage_date = any(%(days)s::date[])
    group by d.usage_date
),

judged as (
    select
        c.usage_date,
        null as tag_key,
        sum(c.taggable_cost_usd + c.not_taggable_cost_usd) as cost_usd
    from costpulse.tag_compliance as c
    where c.usage_date = any(%(days)s::date[])
    group by c.usage_date
    union all
    select
        k.usage_date,
        k.tag_key,
        sum(k.cost_usd) as cost_usd
    from costpulse.tag_key_compliance as k
    where k.usage_date = any(%(days)s::date[])
    group by k.usage_date, k.tag_key
)

select
    coalesce(b.usage_date, j.usage_date) as usage_date,
    j.tag_key,
    b.cost_usd as billed_cost_usd,
    j.cost_usd as judged_cost_usd
from billed as b
full join judged as j on b.usage_date = j.usage_date
where b.cost_usd is distinct from j.cost_usd
order by usage_date, j.tag_key
limit 20
