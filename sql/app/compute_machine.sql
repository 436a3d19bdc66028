-- one row: the cluster or warehouse asked for, where the viewer may know of it; else none. Known are machines of the
-- list, and those of the bill, as far as its rows are the viewer's.
with asked (machine_type, workspace, machine_id) as (
    values (%(machine_type)s::text, %(workspace)s::text, %(machine_id)s::text)
),

listed as (
    select m.*
    from costpulse.machines(%(first)s::date, %(last)s::date, array[%(machine_id)s::text]) as m
)

select
    a.machine_type,
    nullif(a.workspace, '') as workspace_id,
    a.machine_id,
    m.name,
    coalesce(m.kind, b.kind) as kind,
    coalesce(m.state, 'unknown') as state,
    m.state_as_of,
    m.owner,
    m.node_type,
    m.driver_node_type,
    m.min_size,
    m.max_size,
    m.auto_stop_minutes,
    coalesce(m.never_stops, false) as never_stops,
    m.is_serverless,
    m.warehouse_type,
    m.photon_enabled,
    m.policy_id,
    m.runtime,
    m.created_at,
    m.deleted_at,
    m.last_used_at,
    b.last_billed
from asked as a
left join listed as m
    on a.machine_type = m.machine_type and a.workspace = coalesce(m.workspace_id, '') and a.machine_id = m.machine_id
left join lateral (
    select
        min(
            case
                when k.warehouse_id is not null then 'warehouse'
                when k.product in ('ALL_PURPOSE', 'INTERACTIVE') then 'all-purpose'
                when k.product = 'JOBS' then 'job'
                when k.product = 'DLT' then 'pipeline'
                else 'other'
            end
        ) as kind,
        max(d.usage_date) as last_billed
    from costpulse.cost_keys as k
    inner join costpulse.daily_key_costs as d on k.key_id = d.key_id
    where
        case a.machine_type when 'warehouse' then k.warehouse_id else k.cluster_id end = a.machine_id
        and (a.machine_type = 'warehouse' or k.warehouse_id is null)
        and coalesce(k.workspace_id, '') = a.workspace
) as b on true
where m.machine_id is not null or b.last_billed is not null
