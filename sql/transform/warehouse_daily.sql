-- usage_date x workspace x warehouse: hours, statements and cost of every warehouse that ran, executed or was billed
with hours as (
    select
        coalesce(u.usage_date, q.usage_date) as usage_date,
        coalesce(u.workspace_id, q.workspace_id) as workspace_id,
        coalesce(u.warehouse_id, q.warehouse_id) as warehouse_id,
        u.running_seconds,
        u.cluster_seconds,
        u.start_count,
        coalesce(q.busy_ms, 0) as busy_ms,
        greatest(u.running_seconds * 1000 - coalesce(q.busy_ms, 0), 0) as idle_ms
    from (select * from costpulse.warehouse_uptime where usage_date = any(%(days)s::date[])) as u
    full join (select * from costpulse.warehouse_queries where usage_date = any(%(days)s::date[])) as q
        on
            u.usage_date = q.usage_date
            and u.usage_hour = q.usage_hour
            and u.workspace_id = q.workspace_id
            and u.warehouse_id = q.warehouse_id
),

-- GREATEST leaves nulls out: where no event is known there is no idle time either
used as (
    select
        h.usage_date,
        h.workspace_id,
        h.warehouse_id,
        sum(h.running_seconds) as running_seconds,
        sum(h.cluster_seconds) as cluster_seconds,
        sum(h.start_count) as start_count,
        sum(h.busy_ms) as busy_ms,
        sum(h.idle_ms) filter (where h.running_seconds is not null) as idle_ms
    from hours as h
    group by h.usage_date, h.workspace_id, h.warehouse_id
),

billed as (
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

-- query_costs has a row for every warehouse and day: the rest of its bill, idle or unknown
shared as (
    select
        c.usage_date,
        c.workspace_id,
        c.warehouse_id,
        bool_or(c.kind = 'idle') as queries_were_read,
        sum(c.executions)::bigint as executions,
        sum(c.failed_count)::bigint as failed_count,
        count(distinct c.executed_by) as users,
        sum(c.cost_usd) filter (where c.kind = 'idle') as idle_cost_usd,
        max(c.cost_basis) as cost_basis
    from costpulse.query_costs as c
    where c.usage_date = any(%(days)s::date[])
    group by c.usage_date, c.workspace_id, c.warehouse_id
)

insert into costpulse.warehouse_daily (
    usage_date, workspace_id, warehouse_id, running_hours, cluster_hours, query_hours, idle_hours, start_count,
    executions, failed_count, users, dbu_count, list_cost_usd, cost_usd, idle_cost_usd, cost_basis
)
select
    s.usage_date,
    s.workspace_id,
    s.warehouse_id,
    round(u.running_seconds / 3600.0, 6) as running_hours,
    round(u.cluster_seconds / 3600.0, 6) as cluster_hours,
    case when s.queries_were_read then round(coalesce(u.busy_ms, 0) / 3600000.0, 6) end as query_hours,
    case when s.queries_were_read then round(u.idle_ms / 3600000.0, 6) end as idle_hours,
    u.start_count,
    case when s.queries_were_read then s.executions end as executions,
    case when s.queries_were_read then s.failed_count end as failed_count,
    case when s.queries_were_read then s.users end as users,
    b.dbu_count,
    b.list_cost_usd,
    b.cost_usd,
    s.idle_cost_usd,
    s.cost_basis
from shared as s
left join used as u
    on s.usage_date = u.usage_date and s.workspace_id = u.workspace_id and s.warehouse_id = u.warehouse_id
left join billed as b
    on
        s.usage_date = b.usage_date
        and s.workspace_id is not distinct from b.workspace_id
        and s.warehouse_id = b.warehouse_id
