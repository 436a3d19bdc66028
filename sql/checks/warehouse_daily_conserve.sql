-- no row: a warehouse and day whose DBUs, list cost or cost in warehouse_daily are not exactly those in
-- daily_key_costs, or that ran for longer than a day
with billed as (
    select
        d.usage_date,
        k.workspace_id,
        k.warehouse_id,
        sum(d.dbu_count) as dbu_count,
        sum(d.list_cost_usd) as list_cost_usd,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_key_costs as d
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    where d.usage_date = any(%(days)s::date[]) and k.warehouse_id is not null
    group by d.usage_date, k.workspace_id, k.warehouse_id
),

derived as (
    select w.*
    from costpulse.warehouse_daily as w
    where w.usage_date = any(%(days)s::date[])
)

select
    coalesce(b.usage_date, w.usage_date) as usage_date,
    coalesce(b.workspace_id, w.workspace_id) as workspace_id,
    coalesce(b.warehouse_id, w.warehouse_id) as warehouse_id,
    b.dbu_count as billed_dbu_count,
    w.dbu_count as derived_dbu_count,
    b.cost_usd as billed_cost_usd,
    w.cost_usd as derived_cost_usd,
    w.running_hours
from billed as b
full join derived as w
    on
        b.usage_date = w.usage_date
        and coalesce(b.workspace_id, '') = coalesce(w.workspace_id, '')
        and b.warehouse_id = w.warehouse_id
where
    b.dbu_count is distinct from w.dbu_count
    or b.list_cost_usd is distinct from w.list_cost_usd
    or b.cost_usd is distinct from w.cost_usd
    or w.running_hours > 24
order by usage_date, workspace_id, warehouse_id
limit 20
