-- One row per alert, cluster, stretch of days on which its idle time cost too much, and time that it is told: when it
-- did so for the asked number of days running, each reminder, its end. Days are those that are final in the bill and
-- settled in the telemetry of the cluster's region; three of them without such cost end a stretch.
with asked as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.threshold_value,
        a.watches_from,
        a.days,
        a.reminder_days
    from jsonb_to_recordset(%(alerts)s::jsonb) as a (
        alert_id bigint,
        scope_type text,
        scope_id text,
        threshold_value numeric,
        watches_from date,
        days integer,
        reminder_days integer
    )
),

finals as materialized (
    select
        r.connection,
        r.usage_date,
        row_number() over (partition by r.connection order by r.usage_date) as n
    from costpulse.collected_region_days as r
    inner join costpulse.completeness as c on r.usage_date = c.usage_date
    where
        r.source = 'node_utilization'
        and r.is_settled
        and not c.is_provisional
        and r.usage_date <= %(last_day)s
),

-- Days that cost enough in all, in stretches: no stretch of idle cost is longer. The hours are read only of those that
-- reach into the asked days.
costly as (
    select
        d.workspace_id,
        d.cluster_id,
        c.connection,
        d.usage_date,
        f.n,
        f.n - lag(f.n) over (partition by d.workspace_id, d.cluster_id order by f.n) <= 3 as goes_on
    from costpulse.clusters as c
    inner join costpulse.cluster_daily as d on c.workspace_id = d.workspace_id and c.cluster_id = d.cluster_id
    inner join finals as f on c.connection = f.connection and d.usage_date = f.usage_date
    where
        c.cluster_type = 'all-purpose'
        and d.idle_hours > 0
        and d.cost_usd >= (select min(a.threshold_value) from asked as a)
),

costly_stretches as (
    select
        k.workspace_id,
        k.cluster_id,
        k.connection,
        min(k.usage_date) as from_date,
        max(k.n) as last_n
    from (
        select
            y.*,
            count(*) filter (where y.goes_on is distinct from true) over (
                partition by y.workspace_id, y.cluster_id order by y.n
            ) as stretch
        from costly as y
    ) as k
    group by k.workspace_id, k.cluster_id, k.connection, k.stretch
),

clusters as materialized (
    select
        s.workspace_id,
        s.cluster_id,
        s.connection,
        min(s.from_date) as from_date
    from costly_stretches as s
    left join finals as f on s.connection = f.connection and s.last_n + 3 = f.n
    where coalesce(f.usage_date >= %(first_day)s, true)
    group by s.workspace_id, s.cluster_id, s.connection
),

idle as materialized (
    select
        h.workspace_id,
        h.cluster_id,
        h.hour_start::date as usage_date,
        sum(h.cost_usd) as idle_usd,
        sum(h.idle_minutes) / 60 as idle_hours
    from (
        select
            array_agg(c.workspace_id order by c.workspace_id, c.cluster_id) as workspace_ids,
            array_agg(c.cluster_id order by c.workspace_id, c.cluster_id) as cluster_ids,
            array_agg(c.from_date order by c.workspace_id, c.cluster_id) as from_dates
        from clusters as c
    ) as k
    cross join
        lateral costpulse.idle_hours(k.workspace_ids, k.cluster_ids, k.from_dates, %(last_day)s::date) as h
    group by h.workspace_id, h.cluster_id, h.hour_start::date
),

days as materialized (
    select
        c.workspace_id,
        c.cluster_id,
        f.usage_date,
        f.n,
        d.cost_usd,
        d.up_hours,
        coalesce(i.idle_usd, 0) as idle_usd,
        coalesce(i.idle_hours, 0) as idle_hours
    from clusters as c
    inner join finals as f on c.connection = f.connection and c.from_date <= f.usage_date
    left join costpulse.cluster_daily as d
        on c.workspace_id = d.workspace_id and c.cluster_id = d.cluster_id and f.usage_date = d.usage_date
    left join idle as i
        on c.workspace_id = i.workspace_id and c.cluster_id = i.cluster_id and f.usage_date = i.usage_date
),

-- whose most of the cost is
teams as materialized (
    select distinct on (c.workspace_id, c.cluster_id)
        c.workspace_id,
        c.cluster_id,
        d.team_id
    from clusters as c
    inner join costpulse.cost_keys as k on c.workspace_id = k.workspace_id and c.cluster_id = k.cluster_id
    inner join costpulse.daily_key_costs as d
        on k.key_id = d.key_id and d.usage_date between c.from_date and %(last_day)s
    group by c.workspace_id, c.cluster_id, d.team_id
    order by c.workspace_id asc, c.cluster_id asc, sum(d.cost_usd) desc nulls last, d.team_id asc nulls last
),

located as (
    select
        c.workspace_id,
        c.cluster_id,
        v.scope_type,
        v.scope_id
    from clusters as c
    cross join
        lateral (
            values
            ('everything', ''), ('workspace', c.workspace_id), ('cluster', c.workspace_id || '/' || c.cluster_id)
        ) as v (scope_type, scope_id)
    union all
    select
        c.workspace_id,
        c.cluster_id,
        'team' as scope_type,
        coalesce(b.scope_team_id::text, 'unallocated') as scope_id
    from clusters as c
    left join teams as t on c.workspace_id = t.workspace_id and c.cluster_id = t.cluster_id
    left join costpulse.team_scopes as b on t.team_id = b.team_id
),

held as (
    select
        a.alert_id,
        a.threshold_value,
        a.watches_from,
        a.days,
        a.reminder_days,
        i.*,
        i.n - lag(i.n) over one <= 3 as goes_on,
        i.n - row_number() over one as run
    from asked as a
    inner join located as l on a.scope_type = l.scope_type and a.scope_id = l.scope_id
    inner join days as i
        on l.workspace_id = i.workspace_id and l.cluster_id = i.cluster_id and a.threshold_value <= i.idle_usd
    window one as (partition by a.alert_id, i.workspace_id, i.cluster_id order by i.n)
),

numbered as (
    select
        h.*,
        count(*) filter (where h.goes_on is distinct from true) over (
            partition by h.alert_id, h.workspace_id, h.cluster_id order by h.n
        ) as stretch,
        row_number() over (partition by h.alert_id, h.workspace_id, h.cluster_id, h.run order by h.n) as days_running
    from held as h
),

-- a stretch speaks from the first watched day on that completes enough days running
stretches as (
    select
        n.*,
        min(n.usage_date) over one as began_on,
        max(n.n) over one as last_n,
        min(n.usage_date) filter (
            where n.days_running >= n.days and n.usage_date >= n.watches_from
        ) over one as told_from
    from numbered as n
    window one as (partition by n.alert_id, n.workspace_id, n.cluster_id, n.stretch)
),

told as (
    select
        f.alert_id,
        f.threshold_value,
        f.days,
        f.workspace_id,
        f.cluster_id,
        f.began_on,
        f.usage_date as occurred_on,
        'firing' as phase,
        f.reminder
    from (
        select distinct on (s.alert_id, s.workspace_id, s.cluster_id, s.began_on, r.reminder)
            s.*,
            r.reminder
        from stretches as s
        cross join lateral (select (s.usage_date - s.told_from) / s.reminder_days as reminder) as r
        where s.usage_date >= s.told_from
        order by s.alert_id, s.workspace_id, s.cluster_id, s.began_on, r.reminder, s.n
    ) as f
    union all
    select distinct
        s.alert_id,
        s.threshold_value,
        s.days,
        s.workspace_id,
        s.cluster_id,
        s.began_on,
        f.usage_date as occurred_on,
        'ended' as phase,
        0 as reminder
    from stretches as s
    inner join clusters as c on s.workspace_id = c.workspace_id and s.cluster_id = c.cluster_id
    inner join finals as f on c.connection = f.connection and s.last_n + 3 = f.n
    where s.told_from is not null
),

told_now as materialized (
    select t.*
    from told as t
    where t.occurred_on between %(first_day)s and %(last_day)s
),

since as materialized (
    select
        t.alert_id,
        t.workspace_id,
        t.cluster_id,
        t.began_on,
        t.occurred_on,
        sum(d.cost_usd) as cost_usd,
        sum(d.up_hours) as up_hours,
        sum(d.idle_usd) as idle_usd,
        sum(d.idle_hours) as idle_hours,
        sum(d.idle_usd) filter (where d.usage_date = t.occurred_on) as day_usd,
        count(*) filter (where d.idle_usd >= t.threshold_value) as idle_days
    from told_now as t
    inner join days as d
        on
            t.workspace_id = d.workspace_id
            and t.cluster_id = d.cluster_id
            and d.usage_date between t.began_on and t.occurred_on
    group by t.alert_id, t.workspace_id, t.cluster_id, t.began_on, t.occurred_on
),

daily_figures as materialized (
    select
        t.workspace_id,
        t.cluster_id,
        t.occurred_on,
        jsonb_agg(jsonb_build_array(d.usage_date, round(d.idle_usd, 2)) order by d.usage_date) as series
    from (
        select distinct
            o.workspace_id,
            o.cluster_id,
            o.occurred_on
        from told_now as o
    ) as t
    inner join days as d
        on
            t.workspace_id = d.workspace_id
            and t.cluster_id = d.cluster_id
            and d.usage_date between t.occurred_on - 27 and t.occurred_on
    group by t.workspace_id, t.cluster_id, t.occurred_on
)

select
    t.alert_id,
    'cluster' as scope_type,
    t.workspace_id || '/' || t.cluster_id as scope_id,
    m.team_id,
    'idle:' || t.began_on as subject,
    null::numeric as threshold,
    t.phase,
    t.reminder,
    t.occurred_on,
    round(coalesce(s.day_usd, 0), 18) as current_value,
    t.threshold_value as expected_value,
    jsonb_build_object(
        'name', coalesce(c.cluster_name, t.cluster_id),
        'workspace', coalesce(w.name, t.workspace_id),
        'began_on', t.began_on,
        'days_running', t.days,
        'idle_days', s.idle_days,
        'idle_usd', round(s.idle_usd, 2),
        'cost_usd', round(s.cost_usd, 2),
        'idle_hours', round(s.idle_hours, 1),
        'up_hours', round(s.up_hours, 1),
        'auto_termination_minutes', coalesce(c.auto_termination_minutes, 0),
        'is_deleted', c.delete_time is not null,
        'owner', case when position('@' in c.owner) > 0 then c.owner end,
        'recommendation', r.id,
        'advice', r.title,
        'causes', '[]'::jsonb,
        'series', coalesce(d.series, '[]')
    ) as evidence
from told_now as t
inner join costpulse.clusters as c on t.workspace_id = c.workspace_id and t.cluster_id = c.cluster_id
inner join since as s
    on
        t.alert_id = s.alert_id
        and t.workspace_id = s.workspace_id
        and t.cluster_id = s.cluster_id
        and t.began_on = s.began_on
        and t.occurred_on = s.occurred_on
left join daily_figures as d
    on t.workspace_id = d.workspace_id and t.cluster_id = d.cluster_id and t.occurred_on = d.occurred_on
left join teams as m on t.workspace_id = m.workspace_id and t.cluster_id = m.cluster_id
left join costpulse.workspaces as w on t.workspace_id = w.workspace_id
left join lateral (
    select
        o.id,
        o.title
    from costpulse.recommendations as o
    where
        o.workspace_id = t.workspace_id
        and o.bearer_type = 'cluster'
        and o.bearer_id = t.cluster_id
        and o.acts_on = 'idle time'
        and o.status in ('open', 'accepted')
    order by o.estimated_savings desc, o.id asc
    limit 1
) as r on true
order by t.alert_id, t.occurred_on, t.workspace_id, t.cluster_id, t.phase
