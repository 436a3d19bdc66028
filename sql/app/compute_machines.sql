-- one row per cluster and warehouse with a bill in the period, dearest first; those beyond the largest in one last row.
-- Amounts are sums of daily_key_costs, so a viewer gets their own share; hours and percents are of the whole machine.
-- What a key with both ids costs is the warehouse's.
with wanted_tags as materialized (
    select
        t.key,
        t.tag_values
    from jsonb_each(%(tags)s::jsonb) as t (key, tag_values)
),

keys as materialized (
    select
        k.key_id,
        k.workspace_id,
        case when k.warehouse_id is not null then 'warehouse' else 'cluster' end as machine_type,
        coalesce(k.warehouse_id, k.cluster_id) as machine_id,
        case
            when k.warehouse_id is not null then 'warehouse'
            when k.product in ('ALL_PURPOSE', 'INTERACTIVE') then 'all-purpose'
            when k.product = 'JOBS' then 'job'
            when k.product = 'DLT' then 'pipeline'
            else 'other'
        end as kind
    from costpulse.cost_keys as k
    where
        (k.cluster_id is not null or k.warehouse_id is not null)
        and (
            %(chosen)s::jsonb = '{}'
            or not exists (
                select
                from jsonb_each(%(chosen)s::jsonb) as f (dimension, ids)
                where
                    not f.ids ? coalesce(
                        case f.dimension
                            when 'workspace' then k.workspace_id
                            when 'product' then k.product
                            when 'user' then k.user_email
                            when 'job' then coalesce(k.workspace_id, '') || '/' || k.job_id
                            when 'cluster' then coalesce(k.workspace_id, '') || '/' || k.cluster_id
                            when 'warehouse' then coalesce(k.workspace_id, '') || '/' || k.warehouse_id
                            when 'pipeline' then coalesce(k.workspace_id, '') || '/' || k.pipeline_id
                            when 'endpoint' then coalesce(k.workspace_id, '') || '/' || k.endpoint_name
                        end, '~'
                    )
            )
        )
        and not exists (
            select
            from wanted_tags as t
            where not coalesce(t.tag_values ? (k.tags ->> t.key), t.tag_values @> 'null')
        )
),

key_costs as (
    select
        d.usage_date,
        d.key_id,
        case when %(is_list)s then d.list_cost_usd else d.cost_usd end as amount,
        d.usage_date > %(last_final)s::date as is_open,
        d.usage_date >= %(trend_from)s::date as is_in_trend
    from costpulse.daily_key_costs as d
    where
        d.usage_date between %(first)s and %(last)s
        and (%(skus)s::text[] is null or d.sku_name = any(%(skus)s::text[]))
        and (
            %(teams)s::bigint[] is null
            or d.team_id = any(%(teams)s::bigint[])
            or (%(is_unallocated)s and d.team_id is null)
        )
),

bills as materialized (
    select
        d.usage_date,
        d.is_open,
        d.is_in_trend,
        k.machine_type,
        k.workspace_id,
        k.machine_id,
        min(k.kind) as kind,
        sum(d.amount) as amount
    from key_costs as d
    inner join keys as k on d.key_id = k.key_id
    group by d.usage_date, d.is_open, d.is_in_trend, k.machine_type, k.workspace_id, k.machine_id
),

days as materialized (
    select
        m.usage_date,
        m.machine_type,
        coalesce(m.workspace_id, '') as workspace,
        m.machine_id,
        m.up_hours,
        m.idle_hours,
        m.idle_share,
        m.node_hours,
        m.cpu_percent,
        m.mem_percent
    from costpulse.machine_days(%(first)s::date, %(last)s::date) as m
),

used as (
    select
        d.machine_type,
        d.workspace,
        d.machine_id,
        sum(d.up_hours) as up_hours,
        sum(d.idle_hours) as idle_hours,
        sum(d.cpu_percent * d.node_hours) / sum(d.node_hours) as cpu_percent,
        sum(d.mem_percent * d.node_hours) / sum(d.node_hours) as mem_percent
    from days as d
    group by d.machine_type, d.workspace, d.machine_id
),

costs as (
    select
        b.machine_type,
        b.workspace_id,
        b.machine_id,
        min(b.kind) as kind,
        sum(b.amount) as amount,
        sum(b.amount) filter (where b.is_open) as open_amount,
        sum(b.amount) filter (where d.idle_share is not null) as measured_amount,
        round(sum(b.amount * d.idle_share), 18) as idle_amount,
        sum(b.amount) filter (where d.cpu_percent is not null) as weighed_amount,
        sum(b.amount * d.cpu_percent) as cpu_amount,
        sum(b.amount * d.mem_percent) as mem_amount,
        max(b.usage_date) as last_billed,
        jsonb_object_agg(b.usage_date, b.amount) filter (where b.is_in_trend) as trend
    from bills as b
    left join days as d
        on
            b.usage_date = d.usage_date
            and b.machine_type = d.machine_type
            and coalesce(b.workspace_id, '') = d.workspace
            and b.machine_id = d.machine_id
    group by b.machine_type, b.workspace_id, b.machine_id
),

machines as materialized (
    select
        coalesce(m.workspace_id, '') as workspace,
        m.*
    from costpulse.machines(%(first)s::date, %(last)s::date) as m
),

shown as (
    select
        c.machine_type,
        c.workspace_id,
        c.machine_id,
        m.name,
        case
            when m.kind is null then c.kind
            when m.kind in ('all-purpose', 'job', 'pipeline', 'warehouse') then m.kind
            else 'other'
        end as kind,
        coalesce(m.state, 'unknown') as state,
        m.state_as_of,
        m.owner,
        m.node_type,
        m.min_size,
        m.max_size,
        m.auto_stop_minutes,
        coalesce(m.never_stops, false) as never_stops,
        m.is_serverless,
        m.photon_enabled,
        m.policy_id,
        m.deleted_at,
        m.last_used_at,
        c.last_billed,
        u.up_hours,
        u.idle_hours,
        u.cpu_percent,
        u.mem_percent,
        c.amount,
        c.open_amount,
        c.measured_amount,
        c.idle_amount,
        c.weighed_amount,
        c.cpu_amount,
        c.mem_amount,
        c.trend
    from costs as c
    left join machines as m
        on
            c.machine_type = m.machine_type
            and coalesce(c.workspace_id, '') = m.workspace
            and c.machine_id = m.machine_id
    left join used as u
        on
            c.machine_type = u.machine_type
            and coalesce(c.workspace_id, '') = u.workspace
            and c.machine_id = u.machine_id
),

ranked as (
    select
        s.*,
        row_number() over (order by s.amount desc nulls last, s.machine_id asc, s.workspace_id asc) as place
    from shown as s
    where
        (%(kinds)s::text[] is null or s.kind = any(%(kinds)s::text[]))
        and (%(states)s::text[] is null or s.state = any(%(states)s::text[]))
        and (not %(is_mostly_idle)s or (s.measured_amount > 0 and s.idle_amount * 2 >= s.measured_amount))
)

select
    r.place,
    r.machine_type,
    r.workspace_id,
    r.machine_id,
    r.name,
    r.kind,
    r.state,
    r.state_as_of,
    r.owner,
    r.node_type,
    r.min_size,
    r.max_size,
    r.auto_stop_minutes,
    r.never_stops,
    r.is_serverless,
    r.photon_enabled,
    r.policy_id,
    r.deleted_at,
    r.last_used_at,
    r.last_billed,
    r.up_hours,
    r.idle_hours,
    r.cpu_percent,
    r.mem_percent,
    r.amount,
    r.open_amount,
    r.measured_amount,
    r.idle_amount,
    r.weighed_amount,
    r.cpu_amount,
    r.mem_amount,
    r.trend,
    0 as further
from ranked as r
where %(largest)s::integer is null or r.place <= %(largest)s::integer
union all
select
    max(r.place) as place,
    null as machine_type,
    null as workspace_id,
    null as machine_id,
    null as name,
    null as kind,
    'unknown' as state,
    null as state_as_of,
    null as owner,
    null as node_type,
    null as min_size,
    null as max_size,
    null as auto_stop_minutes,
    false as never_stops,
    null as is_serverless,
    null as photon_enabled,
    null as policy_id,
    null as deleted_at,
    null as last_used_at,
    max(r.last_billed) as last_billed,
    sum(r.up_hours) as up_hours,
    sum(r.idle_hours) as idle_hours,
    null as cpu_percent,
    null as mem_percent,
    sum(r.amount) as amount,
    sum(r.open_amount) as open_amount,
    sum(r.measured_amount) as measured_amount,
    sum(r.idle_amount) as idle_amount,
    sum(r.weighed_amount) as weighed_amount,
    sum(r.cpu_amount) as cpu_amount,
    sum(r.mem_amount) as mem_amount,
    null as trend,
    count(*)::integer as further
from ranked as r
where r.place > %(largest)s::integer
having count(*) > 0
order by place
