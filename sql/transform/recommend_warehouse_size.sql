-- large warehouses with short statements and hardly any time to do: what one or two sizes down save even if every
-- statement takes as much longer as the warehouse is smaller, so that only the time without a statement gets cheaper
with sizes (step, warehouse_size, api_name, dbus_per_hour) as (
    values
    (1, '2X_SMALL', '2X-Small', 4),
    (2, 'X_SMALL', 'X-Small', 6),
    (3, 'SMALL', 'Small', 12),
    (4, 'MEDIUM', 'Medium', 24),
    (5, 'LARGE', 'Large', 40),
    (6, 'X_LARGE', 'X-Large', 80),
    (7, '2X_LARGE', '2X-Large', 144),
    (8, '3X_LARGE', '3X-Large', 272),
    (9, '4X_LARGE', '4X-Large', 528)
),

-- since the day after its last change: before it, it may have been another size. The bill must show the rate of the
-- size, and one cluster: what needs several has more to do than the mean tells.
used as materialized (
    select
        w.workspace_id,
        w.warehouse_id,
        w.name,
        w.owner,
        w.min_clusters,
        w.max_clusters,
        w.auto_stop_minutes,
        w.warehouse_type,
        z.step,
        z.warehouse_size,
        z.dbus_per_hour,
        w.change_time,
        sum(d.running_hours) as running_hours,
        sum(d.query_hours) as query_hours,
        sum(d.executions) as executions,
        count(*) filter (where d.executions > 0) as days,
        sum(d.dbu_count) / sum(d.cluster_hours) as billed_dbus_per_hour,
        sum(d.idle_cost_usd) as idle_cost_usd
    from costpulse.warehouses as w
    inner join sizes as z on w.warehouse_size = z.warehouse_size
    inner join costpulse.warehouse_daily as d on w.workspace_id = d.workspace_id and w.warehouse_id = d.warehouse_id
    where
        w.delete_time is null
        and z.dbus_per_hour >= %(minimum_dbus_per_hour)s
        and d.usage_date between %(first_date)s and %(last_date)s
        and (w.change_time is null or d.usage_date > (w.change_time at time zone 'UTC')::date)
        and d.idle_hours is not null
        and d.cluster_hours > 0
        and d.cost_usd is not null
    group by w.workspace_id, w.warehouse_id, z.step, z.warehouse_size, z.dbus_per_hour
    having
        sum(d.executions) >= %(minimum_statements)s
        and count(*) filter (where d.executions > 0) >= %(minimum_days)s
        and sum(d.cluster_hours) <= sum(d.running_hours) * 1.01
        and sum(d.query_hours) * 100 <= sum(d.running_hours) * %(maximum_busy_percent)s
        and sum(d.dbu_count) / sum(d.cluster_hours) between z.dbus_per_hour * 0.8 and z.dbus_per_hour * 1.2
),

-- weighted by their time: a few long statements among many short ones show
statements as materialized (
    select
        u.workspace_id,
        u.warehouse_id,
        sum(a.execution_ms) / 1000 as seconds,
        sum(a.read_bytes) as read_bytes,
        sum(a.execution_ms::numeric * a.execution_ms / greatest(a.executions, 1))
        / nullif(sum(a.execution_ms), 0) / 1000 as weighted_seconds
    from costpulse.query_activity as a
    inner join used as u on a.workspace_id = u.workspace_id and a.warehouse_id = u.warehouse_id
    where
        a.usage_date between %(first_date)s and %(last_date)s
        and (u.change_time is null or a.usage_date > (u.change_time at time zone 'UTC')::date)
    group by u.workspace_id, u.warehouse_id
),

costs as (
    select
        d.workspace_id,
        d.warehouse_id,
        sum(d.cost_usd) as cost_usd
    from costpulse.warehouse_daily as d
    inner join used as u on d.workspace_id = u.workspace_id and d.warehouse_id = u.warehouse_id
    where d.usage_date between %(first_date)s and %(last_date)s
    group by d.workspace_id, d.warehouse_id
),

-- the smaller of the two sizes with which everything stays within the bounds
chosen as (
    select distinct on (u.workspace_id, u.warehouse_id)
        u.*,
        coalesce(u.name, u.warehouse_id) as shown_name,
        z.warehouse_size as wanted_size,
        z.api_name,
        z.dbus_per_hour as wanted_dbus_per_hour,
        u.step - z.step as steps,
        c.cost_usd,
        s.read_bytes,
        s.weighted_seconds,
        s.seconds / u.executions as mean_seconds,
        s.seconds / (u.query_hours * 3600) as concurrency,
        u.query_hours * 100 / u.running_hours as busy_percent,
        u.dbus_per_hour::numeric / z.dbus_per_hour as slower,
        least(round(u.idle_cost_usd * (u.dbus_per_hour - z.dbus_per_hour) / u.dbus_per_hour, 18), c.cost_usd)
            as saving_usd
    from used as u
    inner join statements as s on u.workspace_id = s.workspace_id and u.warehouse_id = s.warehouse_id
    inner join costs as c on u.workspace_id = c.workspace_id and u.warehouse_id = c.warehouse_id
    inner join sizes as z on z.step between u.step - 2 and u.step - 1
    where
        u.query_hours > 0
        and s.weighted_seconds * u.dbus_per_hour / z.dbus_per_hour <= %(maximum_statement_seconds)s
        and u.query_hours * 100 * u.dbus_per_hour / z.dbus_per_hour <= u.running_hours * %(maximum_busy_percent)s
        and s.seconds / (u.query_hours * 3600) <= %(maximum_concurrency)s
        and s.read_bytes <= %(maximum_read_gb)s * 1000000000 * u.executions
    order by u.workspace_id asc, u.warehouse_id asc, z.step asc
)

insert into found_recommendations (
    type, workspace_id, resource_type, resource_id, resource_name, acts_on, bearer_type, bearer_id, person,
    resource_cost_usd, saving_usd, wasted_usd, vm_saving_usd, vm_saving_source, confidence, confidence_reason, title,
    evidence, calculation, setting, setting_from, setting_to, command
)
select
    'warehouse_size' as type,
    h.workspace_id,
    'warehouse' as resource_type,
    h.warehouse_id as resource_id,
    h.shown_name as resource_name,
    'size' as acts_on,
    'warehouse' as bearer_type,
    h.warehouse_id as bearer_id,
    h.owner as person,
    h.cost_usd as resource_cost_usd,
    h.saving_usd,
    null as wasted_usd,
    null as vm_saving_usd,
    null as vm_saving_source,
    case when h.busy_percent * h.slower <= 5 and h.days >= 10 then 'high' else 'medium' end as confidence,
    case
        when h.busy_percent * h.slower <= 5 and h.days >= 10
            then
                'On ' || h.days || ' days with statements it was busy for ' || round(h.busy_percent, 1)
                || ' percent of its time, and only time without a statement counts as saved.'
        when h.days < 10 then 'Statements of only ' || h.days || ' days are known since it was last changed.'
        else
            'Statements fill ' || round(h.busy_percent, 1)
            || ' percent of its time; how much memory they need is not known.'
    end as confidence_reason,
    'Make "' || h.shown_name || '" ' || case h.steps when 1 then 'one size' else 'two sizes' end || ' smaller: '
    || h.api_name as title,
    jsonb_build_object(
        'warehouse_size', h.warehouse_size,
        'recommended_size', h.wanted_size,
        'dbus_per_hour', h.dbus_per_hour,
        'recommended_dbus_per_hour', h.wanted_dbus_per_hour,
        'billed_dbus_per_hour', round(h.billed_dbus_per_hour, 2),
        'running_hours', round(h.running_hours, 2),
        'busy_percent', round(h.busy_percent, 2),
        'statements', h.executions,
        'days', h.days,
        'mean_seconds', round(h.mean_seconds, 2),
        'weighted_seconds', round(h.weighted_seconds, 2),
        'concurrency', round(h.concurrency, 2),
        'read_gb_per_statement', round(h.read_bytes / 1e9 / h.executions, 3),
        'idle_cost_usd', round(h.idle_cost_usd, 2)
    ) as evidence,
    round(h.idle_cost_usd, 2) || ' USD without a statement x (1 - ' || h.wanted_dbus_per_hour || ' / '
    || h.dbus_per_hour || ' DBU/h) = ' || round(h.saving_usd, 2) || ' USD' as calculation,
    'warehouse_size' as setting,
    h.warehouse_size as setting_from,
    h.wanted_size as setting_to,
    'POST /api/2.0/sql/warehouses/' || h.warehouse_id || '/edit '
    || jsonb_build_object(
        'name', h.name,
        'cluster_size', h.api_name,
        'min_num_clusters', h.min_clusters,
        'max_num_clusters', h.max_clusters,
        'auto_stop_mins', h.auto_stop_minutes,
        'warehouse_type', case h.warehouse_type when 'CLASSIC' then 'CLASSIC' else 'PRO' end,
        'enable_serverless_compute', h.warehouse_type = 'SERVERLESS'
    )::text as command
from chosen as h
where h.saving_usd > 0
