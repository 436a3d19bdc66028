-- no row: a day on which cluster_daily has not exactly the DBUs, list cost and cost of the keys with a cluster in
-- daily_key_costs, or idles longer than it is up
with billed as (
    select
        d.usage_date,
        coalesce(sum(d.dbu_count), 0) as dbu_count,
        coalesce(sum(d.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(d.cost_usd), 0) as cost_usd
    from costpulse.daily_key_costs as d
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    where d.usage_date = any(%(days)s::date[]) and k.cluster_id is not null
    group by d.usage_date
),

derived as (
    select
        c.usage_date,
        coalesce(sum(c.dbu_count), 0) as dbu_count,
        coalesce(sum(c.list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(c.cost_usd), 0) as cost_usd,
        count(*) filter (where c.idle_hours > c.up_hours) as impossible
    from costpulse.cluster_daily as c
    where c.usage_date = any(%(days)s::date[])
    group by c.usage_date
)

select
    coalesce(b.usage_date, d.usage_date) as usage_date,
    b.dbu_count as billed_dbu_count,
    d.dbu_count as derived_dbu_count,
    b.cost_usd as billed_cost_usd,
    d.cost_usd as derived_cost_usd,
    d.impossible as clusters_idle_longer_than_up
from billed as b
full join derived as d on b.usage_date = d.usage_date
where
    coalesce(b.dbu_count, 0) <> coalesce(d.dbu_count, 0)
    or coalesce(b.list_cost_usd, 0) <> coalesce(d.list_cost_usd, 0)
    or coalesce(b.cost_usd, 0) <> coalesce(d.cost_usd, 0)
    or d.impossible > 0
order by usage_date
limit 20
