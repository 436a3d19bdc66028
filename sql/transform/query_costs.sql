-- usage_date x workspace x warehouse x kind x user x client x source: the bill of a warehouse, shared.
-- Within an hour, the part of the cost for which the warehouse was busy goes to its statements by execution time; what
-- is left of the day's bill stays one row of kind idle, so that the parts add up by construction. The hours of the bill
-- serve where they add up to the day; else the day is shared as one hour is.
-- Flags and unions stand where filters and joins would do: the planner takes a filter on sums for one row, and loops.

-- one row per hour with a bill, an event or a statement
with hours as (
    select
        h.usage_date,
        h.workspace_id,
        h.warehouse_id,
        h.usage_hour,
        sum(h.usage_quantity) as usage_quantity,
        sum(h.dbu_count) as dbu_count,
        sum(h.cost_usd) as cost_usd,
        max(h.running_ms) as running_ms,
        max(h.busy_ms) as busy_ms
    from (
        select
            c.usage_date,
            c.workspace_id,
            c.warehouse_id,
            c.usage_hour,
            c.usage_quantity,
            case when c.usage_unit = 'DBU' then c.usage_quantity end as dbu_count,
            c.cost_usd,
            null::bigint as running_ms,
            null::bigint as busy_ms
        from costpulse.hourly_costs as c
        where c.usage_date = any(%(days)s::date[]) and c.warehouse_id is not null
        union all
        select
            u.usage_date,
            u.workspace_id,
            u.warehouse_id,
            u.usage_hour,
            null as usage_quantity,
            null as dbu_count,
            null as cost_usd,
            nullif(u.running_seconds, 0) * 1000 as running_ms,
            0 as busy_ms
        from costpulse.warehouse_uptime as u
        where u.usage_date = any(%(days)s::date[])
        union all
        select
            q.usage_date,
            q.workspace_id,
            q.warehouse_id,
            q.usage_hour,
            null as usage_quantity,
            null as dbu_count,
            null as cost_usd,
            null as running_ms,
            q.busy_ms
        from costpulse.warehouse_queries as q
        where q.usage_date = any(%(days)s::date[])
    ) as h
    group by h.usage_date, h.workspace_id, h.warehouse_id, h.usage_hour
),

billed as (
    select
        r.usage_date,
        r.workspace_id,
        r.warehouse_id,
        sum(r.usage_quantity) as usage_quantity,
        sum(r.dbu_count) as dbu_count,
        sum(r.cost_usd) as cost_usd
    from costpulse.cost_records as r
    where r.usage_date = any(%(days)s::date[]) and r.warehouse_id is not null
    group by r.usage_date, r.workspace_id, r.warehouse_id
),

-- the bill of each day; money of the same usage in other groups is rounded elsewhere and may differ in the last digits
bills as (
    select
        b.usage_date,
        b.workspace_id,
        b.warehouse_id,
        b.dbu_count,
        b.cost_usd,
        coalesce(
            h.usage_quantity = b.usage_quantity
            and abs(coalesce(h.cost_usd, 0) - coalesce(b.cost_usd, 0)) < 1e-9, false
        ) as is_by_hour
    from billed as b
    left join (
        select
            o.usage_date,
            o.workspace_id,
            o.warehouse_id,
            sum(o.usage_quantity) as usage_quantity,
            sum(o.cost_usd) as cost_usd
        from hours as o
        group by o.usage_date, o.workspace_id, o.warehouse_id
    ) as h on b.usage_date = h.usage_date and b.workspace_id = h.workspace_id and b.warehouse_id = h.warehouse_id
),

-- a slot is what is shared at once: an hour of the day, or -1 for the whole day. An hour that was busy although nobody
-- knows how long it ran counts in full.
slots as (
    select
        s.usage_date,
        s.workspace_id,
        s.warehouse_id,
        s.slot,
        sum(least(s.busy_ms, s.running_ms)) as busy_ms,
        sum(s.running_ms) as running_ms,
        coalesce(max(s.day_dbu_count), sum(s.dbu_count)) as dbu_count,
        coalesce(max(s.day_cost_usd), sum(s.cost_usd)) as cost_usd
    from (
        select
            h.usage_date,
            h.workspace_id,
            h.warehouse_id,
            h.busy_ms,
            case when h.busy_ms is not null then coalesce(h.running_ms, 3600000) end as running_ms,
            case when b.is_by_hour then h.usage_hour else -1 end as slot,
            case when b.is_by_hour then h.dbu_count end as dbu_count,
            case when b.is_by_hour then h.cost_usd end as cost_usd,
            case when not b.is_by_hour then b.dbu_count end as day_dbu_count,
            case when not b.is_by_hour then b.cost_usd end as day_cost_usd
        from hours as h
        inner join bills as b
            on h.usage_date = b.usage_date and h.workspace_id = b.workspace_id and h.warehouse_id = b.warehouse_id
    ) as s
    group by s.usage_date, s.workspace_id, s.warehouse_id, s.slot
),

-- the frame counts rows: in a day that is shared as a whole, the hours of one user come one after the other
running_totals as (
    select
        a.usage_date,
        a.workspace_id,
        a.warehouse_id,
        a.executed_by,
        a.client_application,
        a.source_kind,
        a.is_costpulse,
        a.executions,
        a.execution_ms,
        a.task_ms,
        a.read_bytes,
        a.failed_count,
        a.cached_count,
        round(s.dbu_count * s.busy_ms / s.running_ms, 18) as shared_dbu_count,
        round(s.cost_usd * s.busy_ms / s.running_ms, 18) as shared_cost_usd,
        sum(a.execution_ms) over in_order as up_to_here,
        nullif(sum(a.execution_ms) over (partition by a.usage_date, a.workspace_id, a.warehouse_id, s.slot), 0) as total
    from costpulse.query_activity as a
    left join slots as s
        on
            a.usage_date = s.usage_date
            and a.workspace_id = s.workspace_id
            and a.warehouse_id = s.warehouse_id
            and s.slot in (a.usage_hour, -1)
    where a.usage_date = any(%(days)s::date[]) and a.warehouse_id is not null
    window in_order as (
        partition by a.usage_date, a.workspace_id, a.warehouse_id, s.slot
        order by a.executed_by, a.client_application, a.source_kind, a.is_costpulse
        rows unbounded preceding
    )
),

-- what is shared up to and with a row, less what is shared before it: each part is exact to one in the last digit,
-- and the parts of a slot add up to what is shared
parts as (
    select
        r.usage_date,
        r.workspace_id,
        r.warehouse_id,
        r.executed_by,
        r.client_application,
        r.source_kind,
        r.is_costpulse,
        sum(r.executions) as executions,
        sum(r.execution_ms) as execution_ms,
        sum(r.task_ms) as task_ms,
        sum(r.read_bytes) as read_bytes,
        sum(r.failed_count) as failed_count,
        sum(r.cached_count) as cached_count,
        sum(
            round(r.shared_dbu_count * r.up_to_here / r.total, 18)
            - round(r.shared_dbu_count * (r.up_to_here - r.execution_ms) / r.total, 18)
        ) as dbu_count,
        sum(
            round(r.shared_cost_usd * r.up_to_here / r.total, 18)
            - round(r.shared_cost_usd * (r.up_to_here - r.execution_ms) / r.total, 18)
        ) as cost_usd
    from running_totals as r
    group by
        r.usage_date, r.workspace_id, r.warehouse_id, r.executed_by, r.client_application, r.source_kind,
        r.is_costpulse
),

-- every warehouse and day that ran, executed, or is billed: what its parts leave of the bill
rests as (
    select
        w.usage_date,
        w.workspace_id,
        w.warehouse_id,
        sum(w.dbu_count) as dbu_count,
        sum(w.cost_usd) as cost_usd,
        max(w.cost_basis) as cost_basis
    from (
        select
            b.usage_date,
            b.workspace_id,
            b.warehouse_id,
            b.dbu_count,
            b.cost_usd,
            case when b.is_by_hour then 'hour' else 'day' end as cost_basis
        from bills as b
        union all
        select
            p.usage_date,
            p.workspace_id,
            p.warehouse_id,
            -p.dbu_count as dbu_count,
            -p.cost_usd as cost_usd,
            null as cost_basis
        from parts as p
        union all
        select
            h.usage_date,
            h.workspace_id,
            h.warehouse_id,
            null as dbu_count,
            null as cost_usd,
            null as cost_basis
        from hours as h
        where h.busy_ms is not null
    ) as w
    group by w.usage_date, w.workspace_id, w.warehouse_id
)

insert into costpulse.query_costs (
    usage_date, workspace_id, warehouse_id, kind, executed_by, client_application, source_kind, is_costpulse,
    executions, execution_seconds, task_seconds, read_bytes, failed_count, cached_count, dbu_count, cost_usd, cost_basis
)
select
    p.usage_date,
    p.workspace_id,
    p.warehouse_id,
    'query' as kind,
    p.executed_by,
    p.client_application,
    p.source_kind,
    p.is_costpulse,
    p.executions,
    p.execution_ms / 1000 as execution_seconds,
    p.task_ms / 1000 as task_seconds,
    p.read_bytes,
    p.failed_count,
    p.cached_count,
    case when b.dbu_count is not null then coalesce(p.dbu_count, 0) end as dbu_count,
    case when b.cost_usd is not null then coalesce(p.cost_usd, 0) end as cost_usd,
    case when b.is_by_hour then 'hour' when not b.is_by_hour then 'day' end as cost_basis
from parts as p
left join bills as b
    on p.usage_date = b.usage_date and p.workspace_id = b.workspace_id and p.warehouse_id = b.warehouse_id
union all
select
    r.usage_date,
    r.workspace_id,
    r.warehouse_id,
    case
        when
            exists (
                select 1
                from costpulse.collected_region_days as d
                where
                    d.source = 'query_activity'
                    and d.usage_date = r.usage_date
                    and (c.connection is null or d.connection = c.connection)
            )
            then 'idle'
        else 'unknown'
    end as kind,
    null as executed_by,
    null as client_application,
    null as source_kind,
    null as is_costpulse,
    0 as executions,
    0 as execution_seconds,
    0 as task_seconds,
    0 as read_bytes,
    0 as failed_count,
    0 as cached_count,
    r.dbu_count,
    r.cost_usd,
    r.cost_basis
from rests as r
left join (
    select
        w.workspace_id,
        min(w.connection) as connection
    from costpulse.warehouses as w
    group by w.workspace_id
) as c on r.workspace_id = c.workspace_id
