-- warehouses that are awake for hours on end without a statement, on several days: what those hours cost, but for the
-- first one of each stretch. Days of which events or query history were not read count as busy.
with candidates as materialized (
    select
        row_number() over () as number,
        w.workspace_id,
        w.warehouse_id,
        coalesce(w.name, w.warehouse_id) as name,
        w.owner,
        w.auto_stop_minutes,
        sum(d.cost_usd) as cost_usd,
        sum(d.running_hours) as running_hours,
        sum(d.executions) as executions,
        count(*) filter (where d.idle_hours is null and (d.running_hours > 0 or d.cost_usd > 0)) as unread_days,
        coalesce(array_agg(d.usage_date) filter (where d.idle_hours is null), '{}') as days_not_read,
        coalesce(array_agg(d.usage_date) filter (where d.cost_basis = 'day'), '{}') as days_by_day
    from costpulse.warehouses as w
    inner join costpulse.warehouse_daily as d on w.workspace_id = d.workspace_id and w.warehouse_id = d.warehouse_id
    where
        d.usage_date between %(first_date)s and %(last_date)s
        and w.delete_time is null
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
    having sum(d.idle_hours) >= %(quiet_hours)s
),

-- One row per hour it ran without a statement. What is known of it is put side by side by a sum: the planner would loop
-- over joins of hours.
quiet_hours as (
    select
        e.number,
        e.hour_number,
        max(e.running_seconds) as running_seconds,
        max(e.start_count) as start_count,
        sum(e.cost_usd) as cost_usd
    from (
        select
            c.number,
            (u.usage_date - %(first_date)s::date) * 24 + u.usage_hour as hour_number,
            u.running_seconds,
            u.start_count,
            null::boolean as is_asked,
            null::numeric as cost_usd
        from costpulse.warehouse_uptime as u
        inner join candidates as c on u.workspace_id = c.workspace_id and u.warehouse_id = c.warehouse_id
        where
            u.usage_date between %(first_date)s and %(last_date)s
            and u.running_seconds > 0
            and u.usage_date <> all(c.days_not_read)
        union all
        select
            c.number,
            (q.usage_date - %(first_date)s::date) * 24 + q.usage_hour as hour_number,
            null as running_seconds,
            null as start_count,
            true as is_asked,
            null as cost_usd
        from costpulse.warehouse_queries as q
        inner join candidates as c on q.workspace_id = c.workspace_id and q.warehouse_id = c.warehouse_id
        where
            q.usage_date between %(first_date)s and %(last_date)s
            and (q.busy_ms > 0 or q.executions > 0)
        union all
        select
            c.number,
            (h.usage_date - %(first_date)s::date) * 24 + h.usage_hour as hour_number,
            null as running_seconds,
            null as start_count,
            null as is_asked,
            h.cost_usd
        from costpulse.hourly_costs as h
        inner join candidates as c on h.workspace_id = c.workspace_id and h.warehouse_id = c.warehouse_id
        where h.usage_date between %(first_date)s and %(last_date)s and h.usage_date <> all(c.days_by_day)
        union all
        select
            c.number,
            (u.usage_date - %(first_date)s::date) * 24 + u.usage_hour as hour_number,
            null as running_seconds,
            null as start_count,
            null as is_asked,
            d.cost_usd * u.cluster_seconds / nullif(d.cluster_hours * 3600, 0) as cost_usd
        from costpulse.warehouse_daily as d
        inner join candidates as c on d.workspace_id = c.workspace_id and d.warehouse_id = c.warehouse_id
        inner join costpulse.warehouse_uptime as u
            on d.usage_date = u.usage_date and d.workspace_id = u.workspace_id and d.warehouse_id = u.warehouse_id
        where d.usage_date between %(first_date)s and %(last_date)s and d.cost_basis = 'day'
    ) as e
    group by e.number, e.hour_number
    having max(e.running_seconds) > 0 and bool_or(e.is_asked) is null
),

-- hours in a row differ from their number in order by the same
quiet as (
    select
        q.*,
        %(first_date)s::date + q.hour_number / 24 as usage_date,
        q.hour_number - row_number() over (partition by q.number order by q.hour_number) as stretch
    from quiet_hours as q
),

stretches as (
    select
        q.*,
        row_number() over (partition by q.number, q.stretch order by q.hour_number) as place,
        sum(q.running_seconds) over (partition by q.number, q.stretch) as stretch_seconds
    from quiet as q
),

savings as materialized (
    select
        s.number,
        count(distinct s.stretch) as quiet_stretches,
        count(distinct s.usage_date) as quiet_days,
        sum(s.running_seconds) as seconds,
        sum(s.running_seconds) filter (where s.place > 1) as avoidable_seconds,
        sum(s.running_seconds) filter (where extract(isodow from s.usage_date) > 5) as weekend_seconds,
        max(s.stretch_seconds) as longest_seconds,
        sum(s.start_count) as starts,
        sum(greatest(s.cost_usd, 0)) filter (where s.place > 1) as cost_usd
    from stretches as s
    where s.stretch_seconds >= %(quiet_hours)s * 3600
    group by s.number
    having count(distinct s.usage_date) >= %(minimum_days)s
),

judged as (
    select
        c.*,
        s.quiet_stretches,
        s.quiet_days,
        s.seconds,
        s.avoidable_seconds,
        coalesce(s.weekend_seconds, 0) as weekend_seconds,
        s.longest_seconds,
        s.starts,
        least(s.cost_usd, c.cost_usd) as saving_usd,
        coalesce(c.auto_stop_minutes = 0, false) as never_stops
    from savings as s
    inner join candidates as c on s.number = c.number
    where s.avoidable_seconds > 0
)

insert into found_recommendations (
    type, workspace_id, resource_type, resource_id, resource_name, acts_on, bearer_type, bearer_id, person,
    resource_cost_usd, saving_usd, wasted_usd, vm_saving_usd, vm_saving_source, confidence, confidence_reason, title,
    evidence, calculation, setting, setting_from, setting_to, command
)
select
    'warehouse_without_queries' as type,
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
    case when j.never_stops and j.executions > 0 and j.unread_days = 0 then 'high' else 'medium' end as confidence,
    case
        when not j.never_stops
            then 'It has an auto-stop and yet stays awake, so something unseen keeps it awake; find out what first.'
        when j.executions = 0
            then 'Not a single statement on it is known; make sure that the query history shows those of its users.'
        when j.unread_days > 0
            then 'Events or statements of ' || j.unread_days || ' days were not read; they count as busy.'
        else 'It never stops by itself, and its statements of every day are known.'
    end as confidence_reason,
    case
        when j.executions = 0
            then 'Stop "' || j.name || '" for good: awake for ' || round(j.running_hours) || ' hours, no statement'
        else
            'Stop "' || j.name || '" while nobody asks it: '
            || round(j.seconds / 3600.0) || ' of ' || round(j.running_hours) || ' hours'
    end as title,
    jsonb_build_object(
        'running_hours', round(j.running_hours, 2),
        'quiet_hours', round(j.seconds / 3600.0, 2),
        'weekend_quiet_hours', round(j.weekend_seconds / 3600.0, 2),
        'avoidable_hours', round(j.avoidable_seconds / 3600.0, 2),
        'quiet_stretches', j.quiet_stretches,
        'longest_stretch_hours', round(j.longest_seconds / 3600.0, 2),
        'days', j.quiet_days,
        'starts', j.starts,
        'usd_per_avoidable_hour', round(j.saving_usd * 3600 / j.avoidable_seconds, 4),
        'statements', j.executions,
        'unread_days', j.unread_days
    ) as evidence,
    round(j.avoidable_seconds / 3600.0, 2) || ' h (' || round(j.seconds / 3600.0, 2) || ' quiet hours in '
    || j.quiet_stretches || ' stretches, less the first of each) x '
    || round(j.saving_usd * 3600 / j.avoidable_seconds, 4) || ' USD/h = ' || round(j.saving_usd, 2) || ' USD'
        as calculation,
    case when j.never_stops then 'auto_stop_minutes' end as setting,
    case when j.never_stops then '0' end as setting_from,
    case when j.never_stops then round(%(auto_stop_minutes)s)::integer::text end as setting_to,
    'POST /api/2.0/sql/warehouses/' || j.warehouse_id || '/stop' as command
from judged as j
where j.saving_usd > 0
