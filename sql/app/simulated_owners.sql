-- key_id x SKU x team: cost as it is stored, and as the pass has just allocated it
create temporary table simulated_owners on commit drop as
select
    o.key_id,
    o.sku_name,
    o.team_id,
    sum(o.before_usd) as before_usd,
    sum(o.after_usd) as after_usd
from (
    select
        d.key_id,
        d.sku_name,
        d.team_id,
        coalesce(d.cost_usd, 0) as before_usd,
        0 as after_usd
    from costpulse.daily_key_costs as d
    where d.usage_date = any(%(days)s::date[])
    union all
    select
        a.key_id,
        a.sku_name,
        a.team_id,
        0 as before_usd,
        coalesce(a.cost_usd, 0) as after_usd
    from allocated as a
) as o
group by o.key_id, o.sku_name, o.team_id
