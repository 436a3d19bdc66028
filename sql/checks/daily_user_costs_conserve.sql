-- no row: a day on which daily_user_costs has not exactly the cost of the keys with an identity in daily_key_costs
with billed as (
    select
        d.usage_date,
        coalesce(sum(d.cost_usd), 0) as cost_usd
    from costpulse.daily_key_costs as d
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    where d.usage_date = any(%(days)s::date[]) and k.user_email is not null
    group by d.usage_date
),

derived as (
    select
        u.usage_date,
        coalesce(sum(u.cost_usd), 0) as cost_usd
    from costpulse.daily_user_costs as u
    where u.usage_date = any(%(days)s::date[])
    group by u.usage_date
)

select
    coalesce(b.usage_date, d.usage_date) as usage_date,
    b.cost_usd as billed_cost_usd,
    d.cost_usd as derived_cost_usd
from billed as b
full join derived as d on b.usage_date = d.usage_date
where coalesce(b.cost_usd, 0) <> coalesce(d.cost_usd, 0)
order by usage_date
limit 20
