-- one row per day on which the cluster or warehouse asked for was used or billed; amounts are the viewer's share of it
with keys as (
    select k.key_id
    from costpulse.cost_keys as k
    where
        coalesce(k.workspace_id, '') = %(workspace)s
        and case %(machine_type)s when 'warehouse' then k.warehouse_id else k.cluster_id end = %(machine_id)s
        and (%(machine_type)s = 'warehouse' or k.warehouse_id is null)
),

bills as (
    select
        d.usage_date,
        sum(d.cost_usd) as cost_usd,
        sum(d.list_cost_usd) as list_cost_usd
    from costpulse.daily_key_costs as d
    where
        d.usage_date between %(first)s and %(last)s
        and d.key_id in (select keys.key_id from keys)
    group by d.usage_date
),

days as (
    select
        m.usage_date,
        m.up_hours,
        m.idle_hours,
        m.idle_share,
        m.node_hours,
        m.cpu_percent,
        m.mem_percent,
        m.start_count,
        m.executions,
        m.failed_count,
        m.users
    from costpulse.machine_days(%(first)s::date, %(last)s::date, array[%(machine_id)s::text]) as m
    where m.machine_type = %(machine_type)s and coalesce(m.workspace_id, '') = %(workspace)s
),

both_sides as (
    select
        coalesce(b.usage_date, d.usage_date) as usage_date,
        b.cost_usd,
        b.list_cost_usd,
        d.up_hours,
        d.idle_hours,
        d.idle_share,
        d.node_hours,
        d.cpu_percent,
        d.mem_percent,
        d.start_count,
        d.executions,
        d.failed_count,
        d.users
    from bills as b
    full join days as d on b.usage_date = d.usage_date
)

select
    s.usage_date,
    case when %(is_list)s then s.list_cost_usd else s.cost_usd end as amount,
    round(s.idle_share * case when %(is_list)s then s.list_cost_usd else s.cost_usd end, 18) as idle_amount,
    s.up_hours,
    s.idle_hours,
    s.node_hours,
    s.cpu_percent,
    s.mem_percent,
    s.start_count,
    s.executions,
    s.failed_count,
    s.users
from both_sides as s
order by s.usage_date
