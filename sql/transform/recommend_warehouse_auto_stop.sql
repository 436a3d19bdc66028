-- warehouses whose auto-stop is off or long: the idle time that a shorter one would have cut off, each time they ran.
-- Only what is idle for sure counts: hours without a statement, and in the hour before them what must lie after its
-- last statement, in whole seconds. Days of which events or query history were not read count as busy.
with candidates as materialized (
    select
        row_number() over () as number,
        w.workspace_id,
        w.warehouse_id,
        w.name,
        w.owner,
        w.auto_stop_minutes,
        greatest(w.min_clusters, 1) as min_clusters,
        nullif(w.auto_stop_minutes, 0) * 60 as limit_seconds,
        case when w.is_serverless then %(serverless_minutes)s else %(classic_minutes)s end as wanted_minutes,
        (60 * case when w.is_serverless then %(serverless_minutes)s else %(classic_minutes)s end)::integer
            as wanted_seconds,
        jsonb_build_object(
            'name', w.name,
            'cluster_size', replace(initcap(replace(w.warehouse_size, '_', '-')), 'x-', 'X-'),
            'min_num_clusters', w.min_clusters,
            'max_num_clusters', w.max_clusters,
            'warehouse_type', case w.warehouse_type when 'CLASSIC' then 'CLASSIC' else 'PRO' end,
            'enable_serverless_compute', w.is_serverless
        ) as unchanged,
        sum(d.cost_usd) as cost_usd,
        sum(d.running_hours) as running_hours,
        sum(d.idle_hours) as idle_hours,
        sum(d.executions) as executions,
        count(*) filter (where d.idle_hours is null and (d.running_hours > 0 or d.cost_usd > 0)) as unread_days,
        coalesce(array_agg(d.usage_date) filter (where d.idle_hours is null), '{}') as days_not_read,
        coalesce(array_agg(d.usage_date) filter (where d.cost_basis = 'day'), '{}') as days_by_day
    from costpulse.warehouses as w
    inner join costpulse.warehouse_daily as d on w.workspace_id = d.workspace_id and w.warehouse_id = d.warehouse_id
    where
        d.usage_date between %(first_date)s and %(last_date)s
        and w.delete_time is null
        and w.warehouse_type is not null
        and (
            w.auto_stop_minutes = 0
            or w.auto_stop_minutes > case when w.is_serverless then %(serverless_minutes)s else %(classic_minutes)s end
        )
        -- where the history holds nobody's statements but our own, use is unknown
        and exists (
            select 1
            from costpulse.query_costs as q
            where
                q.usage_date between %(first_date)s and %(last_date)s
                and q.workspace_id = w.workspace_id
                and q.is_costpulse = false
        )
    group by w.workspace_id, w.warehouse_id
    having sum(d.idle_hours) > 0
),

-- One row per hour it ran. What is known of it is put side by side by a sum: the planner would loop over joins of
-- hours.
hours as (
    select
        e.number,
        e.hour_number,
        max(e.running_seconds) as running_seconds,
        max(e.cluster_seconds) as cluster_seconds,
        max(e.start_count) as start_count,
        max(e.min_clusters) as min_clusters,
        max(e.limit_seconds) as limit_seconds,
        max(e.wanted_seconds) as wanted_seconds,
        bool_or(e.is_known) as is_known,
        coalesce(max(e.busy_seconds), 0) as busy_seconds,
        bool_or(e.is_known) and coalesce(max(e.busy_seconds), 0) = 0 and coalesce(max(e.executions), 0) = 0 as is_quiet,
        max(e.last_second) as last_second,
        sum(e.cost_usd) as cost_usd
    from (
        select
            c.number,
            (u.usage_date - %(first_date)s::date) * 24 + u.usage_hour as hour_number,
            u.running_seconds,
            u.cluster_seconds,
            u.start_count,
            c.min_clusters,
            c.limit_seconds,
            c.wanted_seconds,
            u.usage_date <> all(c.days_not_read) as is_known,
            null::integer as busy_seconds,
            null::bigint as executions,
            null::integer as last_second,
            null::numeric as cost_usd
        from costpulse.warehouse_uptime as u
        inner join candidates as c on u.workspace_id = c.workspace_id and u.warehouse_id = c.warehouse_id
        where u.usage_date between %(first_date)s and %(last_date)s and u.running_seconds > 0
        union all
        select
            c.number,
            (q.usage_date - %(first_date)s::date) * 24 + q.usage_hour as hour_number,
            null as running_seconds,
            null as cluster_seconds,
            null as start_count,
            null as min_clusters,
            null as limit_seconds,
            null as wanted_seconds,
            null as is_known,
            (q.busy_ms + 999) / 1000 as busy_seconds,
            q.executions,
            ceil(mod(extract(epoch from q.last_started_at), 3600))::integer as last_second,
            null as cost_usd
        from costpulse.warehouse_queries as q
        inner join candidates as c on q.workspace_id = c.workspace_id and q.warehouse_id = c.warehouse_id
        where q.usage_date between %(first_date)s and %(last_date)s
        union all
        select
            c.number,
            (h.usage_date - %(first_date)s::date) * 24 + h.usage_hour as hour_number,
            null as running_seconds,
            null as cluster_seconds,
            null as start_count,
            null as min_clusters,
            null as limit_seconds,
            null as wanted_seconds,
            null as is_known,
            null as busy_seconds,
            null as executions,
            null as last_second,
            h.cost_usd
        from costpulse.hourly_costs as h
        inner join candidates as c on h.workspace_id = c.workspace_id and h.warehouse_id = c.warehouse_id
        where h.usage_date between %(first_date)s and %(last_date)s and h.usage_date <> all(c.days_by_day)
        union all
        select
            c.number,
            (u.usage_date - %(first_date)s::date) * 24 + u.usage_hour as hour_number,
            null as running_seconds,
            null as cluster_seconds,
            null as start_count,
            null as min_clusters,
            null as limit_seconds,
            null as wanted_seconds,
            null as is_known,
            null as busy_seconds,
            null as executions,
            null as last_second,
            d.cost_usd * u.cluster_seconds / nullif(d.cluster_hours * 3600, 0) as cost_usd
        from costpulse.warehouse_daily as d
        inner join candidates as c on d.workspace_id = c.workspace_id and d.warehouse_id = c.warehouse_id
        inner join costpulse.warehouse_uptime as u
            on d.usage_date = u.usage_date and d.workspace_id = u.workspace_id and d.warehouse_id = u.warehouse_id
        where d.usage_date between %(first_date)s and %(last_date)s and d.cost_basis = 'day'
    ) as e
    group by e.number, e.hour_number
    having max(e.running_seconds) > 0
),

neighbours as (
    select
        h.*,
        coalesce(lag(h.hour_number) over warehouse = h.hour_number - 1, false) as follows,
        coalesce(lag(h.running_seconds = 3600 or h.start_count > 0) over warehouse, false) as may_come_over,
        coalesce(lead(h.hour_number) over warehouse = h.hour_number + 1, false)
        and coalesce(lead(h.start_count) over warehouse = 0, false) as goes_on
    from hours as h
    window warehouse as (partition by h.number order by h.hour_number)
),

-- What runs in an hour that receives no statement began before it, and fills the beginning of the hour.
placed as (
    select
        n.*,
        coalesce(n.last_second, case when n.start_count = 0 and n.follows then 0 end) as busy_from,
        case when n.goes_on then 3600 else n.running_seconds end as runs_until
    from neighbours as n
),

-- idle seconds at the end of the hour's running time; none where nobody knows when in the hour it ran
idle as (
    select
        p.*,
        case
            when not p.is_known or p.start_count > 1 or (p.start_count = 1 and p.follows and p.may_come_over) then 0
            when p.is_quiet then p.running_seconds
            when p.busy_from is null or (p.start_count = 1 and not p.goes_on) then 0
            else
                greatest(
                    p.runs_until - greatest(p.busy_from, p.runs_until - p.running_seconds) - p.busy_seconds, 0
                )
        end as idle_seconds,
        sum((not (p.is_quiet and p.follows and p.start_count = 0))::integer) over (
            partition by p.number order by p.hour_number
        ) as stretch
    from placed as p
),

totals as (
    select
        i.*,
        sum(i.idle_seconds) over up_to_here as until_seconds,
        sum(i.idle_seconds) over (partition by i.number, i.stretch) as stretch_seconds
    from idle as i
    window up_to_here as (partition by i.number, i.stretch order by i.hour_number)
),

-- what lies beyond the wanted minutes, and never more of a stretch than the present auto-stop allows
avoidable as (
    select
        t.*,
        coalesce(t.stretch_seconds > t.limit_seconds + 600, false) as outlasts_limit,
        greatest(
            least(t.until_seconds, t.limit_seconds)
            - greatest(t.until_seconds - t.idle_seconds, t.wanted_seconds),
            0
        ) as seconds
    from totals as t
),

-- an hour with statements may have run on more clusters than it idles on
savings as materialized (
    select
        a.number,
        count(distinct a.stretch) as idle_stretches,
        max(a.stretch_seconds) as longest_seconds,
        sum(a.seconds) as seconds,
        sum(a.seconds) filter (where a.outlasts_limit) as outlasting_seconds,
        sum(
            round(
                greatest(a.cost_usd, 0) * a.seconds / case
                    when a.is_quiet then a.running_seconds
                    else greatest(a.running_seconds, a.cluster_seconds / a.min_clusters::numeric)
                end,
                18
            )
        ) as cost_usd
    from avoidable as a
    where a.seconds > 0
    group by a.number
),

judged as (
    select
        c.workspace_id,
        c.warehouse_id,
        coalesce(c.name, c.warehouse_id) as name,
        c.owner,
        c.auto_stop_minutes,
        round(c.wanted_minutes)::integer as wanted_minutes,
        c.unchanged,
        s.idle_stretches,
        s.longest_seconds,
        s.seconds,
        c.cost_usd,
        c.running_hours,
        c.idle_hours,
        c.executions,
        c.unread_days,
        least(s.cost_usd, c.cost_usd) as saving_usd,
        coalesce(s.outlasting_seconds, 0) > 0.2 * s.seconds as is_kept_awake
    from savings as s
    inner join candidates as c on s.number = c.number
)

insert into found_recommendations (
    type, workspace_id, resource_type, resource_id, resource_name, acts_on, bearer_type, bearer_id, person,
    resource_cost_usd, saving_usd, wasted_usd, vm_saving_usd, vm_saving_source, confidence, confidence_reason, title,
    evidence, calculation, setting, setting_from, setting_to, command
)
select
    'warehouse_auto_stop' as type,
    j.workspace_id,
    'warehouse' as resource_type,
    j.warehouse_id as resource_id,
    j.name as resource_name,
    'idle time' as acts_on,
    'warehouse' as bearer_type,
    j.warehouse_id as bearer_id,
    j.owner as person,
    j.cost_usd as resource_cost_usd,
    j.saving_usd,
    null as wasted_usd,
    null as vm_saving_usd,
    null as vm_saving_source,
    case when j.is_kept_awake then 'low' when j.unread_days > 0 then 'medium' else 'high' end as confidence,
    case
        when j.is_kept_awake
            then
                'It often stays awake longer than its auto-stop allows, so an open session may keep it awake, and a '
                'shorter auto-stop would not stop it either.'
        when j.unread_days > 0
            then
                'Events or statements of ' || j.unread_days || ' days were not read; they count as busy.'
        else 'Its events and statements of every day are known, and only time that is idle for sure counts.'
    end as confidence_reason,
    'Stop "' || j.name || '" after ' || j.wanted_minutes || ' idle minutes'
    || case j.auto_stop_minutes
        when 0 then '; it never stops by itself'
        else ' instead of ' || j.auto_stop_minutes
    end as title,
    jsonb_build_object(
        'auto_stop_minutes', j.auto_stop_minutes,
        'recommended_minutes', j.wanted_minutes,
        'running_hours', round(j.running_hours, 2),
        'idle_hours', round(j.idle_hours, 2),
        'avoidable_hours', round(j.seconds / 3600.0, 2),
        'idle_stretches', j.idle_stretches,
        'longest_stretch_hours', round(j.longest_seconds / 3600.0, 2),
        'usd_per_avoidable_hour', round(j.saving_usd * 3600 / j.seconds, 4),
        'statements', j.executions,
        'unread_days', j.unread_days
    ) as evidence,
    round(j.seconds / 3600.0, 2) || ' h beyond ' || j.wanted_minutes || ' idle minutes x '
    || round(j.saving_usd * 3600 / j.seconds, 4) || ' USD/h = ' || round(j.saving_usd, 2) || ' USD' as calculation,
    'auto_stop_minutes' as setting,
    j.auto_stop_minutes::text as setting_from,
    j.wanted_minutes::text as setting_to,
    'POST /api/2.0/sql/warehouses/' || j.warehouse_id || '/edit '
    || (j.unchanged || jsonb_build_object('auto_stop_mins', j.wanted_minutes))::text as command
from judged as j
where j.saving_usd > 0
