-- workspace_id x warehouse_id: every warehouse that is known or was billed since a day: configuration, state, use and
-- cost. A state is only claimed where what was last read is newer than fresh_since.
with recent as (
    select
        d.workspace_id,
        d.warehouse_id,
        sum(d.running_hours) as running_hours,
        sum(d.query_hours) as query_hours,
        sum(d.idle_hours) as idle_hours,
        sum(d.start_count) as start_count,
        sum(d.executions) as executions,
        sum(d.dbu_count) as dbu_count,
        sum(d.list_cost_usd) as list_cost_usd,
        sum(d.cost_usd) as cost_usd,
        sum(d.idle_cost_usd) as idle_cost_usd
    from costpulse.warehouse_daily as d
    where d.usage_date between %(since)s and %(today)s
    group by d.workspace_id, d.warehouse_id
),

known as (
    select
        w.workspace_id,
        w.warehouse_id
    from costpulse.warehouses as w
    union
    select
        r.workspace_id,
        r.warehouse_id
    from recent as r
),

who as (
    select
        c.workspace_id,
        c.warehouse_id,
        count(distinct c.executed_by) as users
    from costpulse.query_costs as c
    where c.usage_date between %(since)s and %(today)s
    group by c.workspace_id, c.warehouse_id
),

last_queries as (
    select
        q.workspace_id,
        q.warehouse_id,
        max(q.last_started_at) as last_query_at
    from costpulse.warehouse_queries as q
    group by q.workspace_id, q.warehouse_id
),

last_hours as (
    select distinct on (u.workspace_id, u.warehouse_id)
        u.workspace_id,
        u.warehouse_id,
        u.still_running_at
    from costpulse.warehouse_uptime as u
    where u.usage_date between %(since)s and %(today)s
    order by u.workspace_id asc, u.warehouse_id asc, u.usage_date desc, u.usage_hour desc
),

last_readings as (
    select distinct on (r.connection)
        r.connection,
        r.usage_date as newest_day,
        r.collected_at
    from costpulse.collected_region_days as r
    where r.source = 'warehouse_uptime'
    order by r.connection asc, r.usage_date desc
),

judged as (
    select
        k.workspace_id,
        k.warehouse_id,
        h.still_running_at,
        r.collected_at,
        case
            when w.delete_time is not null then 'deleted'
            when h.still_running_at >= %(fresh_since)s then 'running'
            when h.still_running_at is null and r.newest_day >= (%(fresh_since)s::timestamptz)::date then 'stopped'
            else 'unknown'
        end as state
    from known as k
    left join costpulse.warehouses as w on k.workspace_id = w.workspace_id and k.warehouse_id = w.warehouse_id
    left join last_hours as h on k.workspace_id = h.workspace_id and k.warehouse_id = h.warehouse_id
    left join last_readings as r on w.connection = r.connection
)

insert into costpulse.warehouse_info (
    workspace_id, warehouse_id, name, warehouse_type, is_serverless, warehouse_size, warehouse_channel, min_clusters,
    max_clusters, auto_stop_minutes, owner, tags, delete_time, state, state_as_of, state_evidence, last_query_at,
    running_hours, query_hours, idle_hours, start_count, executions, users, dbu_count, list_cost_usd, total_cost_usd,
    idle_cost_usd
)
select
    j.workspace_id,
    j.warehouse_id,
    w.name,
    w.warehouse_type,
    w.is_serverless,
    w.warehouse_size,
    w.warehouse_channel,
    w.min_clusters,
    w.max_clusters,
    w.auto_stop_minutes,
    w.owner,
    coalesce(w.tags, '{}') as tags,
    w.delete_time,
    j.state,
    case j.state
        when 'deleted' then w.delete_time
        when 'stopped' then j.collected_at
        else j.still_running_at
    end as state_as_of,
    case j.state
        when 'deleted' then 'configuration'
        when 'unknown' then 'none'
        else 'events'
    end as state_evidence,
    q.last_query_at,
    r.running_hours,
    r.query_hours,
    r.idle_hours,
    r.start_count,
    r.executions,
    o.users,
    r.dbu_count,
    r.list_cost_usd,
    r.cost_usd as total_cost_usd,
    r.idle_cost_usd
from judged as j
left join costpulse.warehouses as w on j.workspace_id = w.workspace_id and j.warehouse_id = w.warehouse_id
left join recent as r on j.workspace_id is not distinct from r.workspace_id and j.warehouse_id = r.warehouse_id
left join who as o on j.workspace_id is not distinct from o.workspace_id and j.warehouse_id = o.warehouse_id
left join last_queries as q on j.workspace_id = q.workspace_id and j.warehouse_id = q.warehouse_id
