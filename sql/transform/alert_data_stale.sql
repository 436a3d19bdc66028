-- One row per alert and connection: that its newest usage is too old, how often that is to be told by now, or that it
-- is not any more. What was told before is in alert_history: as long as it is too old it stays one finding, whatever
-- trickles in.
with asked as (
    select
        a.alert_id,
        a.threshold_value,
        a.reminder_hours
    from jsonb_to_recordset(%(alerts)s::jsonb) as a (
        alert_id bigint, threshold_value numeric, reminder_hours integer
    )
),

attempts as (
    select
        s.connection,
        bool_or(s.source = 'cost_records') as gives_bills,
        max(s.attempted_at) as attempted_at
    from costpulse.collection_status as s
    group by s.connection
),

newest as (
    select
        t.connection,
        min(d.newest) as newest
    from attempts as t
    cross join
        lateral (
            select max(r.usage_date) as newest
            from costpulse.collected_region_days as r
            where r.connection = t.connection and r.row_count > 0
            union all
            select max(c.usage_date) as newest
            from costpulse.collected_days as c
            where c.source = 'cost_records' and c.source_rows > 0 and t.gives_bills
        ) as d
    -- a connection that is not read any more, while others are, was taken out of the settings
    where t.attempted_at > (select max(o.attempted_at) from attempts as o) - interval '7 days'
    group by t.connection
),

ages as (
    select
        n.connection,
        n.newest,
        extract(epoch from %(now)s::timestamptz - n.newest::timestamp at time zone 'UTC') / 3600 as hours
    from newest as n
    where n.newest is not null
),

-- what lasts by what was told
open_findings as (
    select
        h.alert_id,
        h.subject,
        h.triggered_at,
        h.evidence ->> 'connection' as connection
    from costpulse.alert_history as h
    inner join asked as a on h.alert_id = a.alert_id
    where h.alert_type = 'data_stale' and h.phase = 'firing' and h.reminder = 0 and h.ended_at is null
),

told as (
    select
        a.alert_id,
        g.connection,
        g.newest,
        g.hours,
        a.threshold_value,
        coalesce(o.subject, 'stale:' || g.connection || ':' || g.newest) as subject,
        'firing' as phase,
        coalesce(
            floor(extract(epoch from %(now)s::timestamptz - o.triggered_at) / 3600 / a.reminder_hours), 0
        )::integer as reminder
    from asked as a
    inner join ages as g on a.threshold_value < g.hours
    left join open_findings as o on a.alert_id = o.alert_id and g.connection = o.connection
    union all
    select
        a.alert_id,
        o.connection,
        g.newest,
        g.hours,
        a.threshold_value,
        o.subject,
        'ended' as phase,
        0 as reminder
    from asked as a
    inner join open_findings as o on a.alert_id = o.alert_id
    left join ages as g on o.connection = g.connection
    where coalesce(g.hours <= a.threshold_value, true)
),

-- the tables of the connection whose last reading did not go through
failures as (
    select
        s.connection,
        jsonb_agg(s.source order by s.source) as sources,
        (array_agg(s.message order by s.attempted_at desc, s.source asc))[1] as problem,
        (array_agg(s.next_step order by s.attempted_at desc, s.source asc))[1] as next_step
    from costpulse.collection_status as s
    where s.state <> 'ok'
    group by s.connection
)

select
    t.alert_id,
    'everything' as scope_type,
    '' as scope_id,
    null::bigint as team_id,
    t.subject,
    null::numeric as threshold,
    t.phase,
    t.reminder,
    (%(now)s::timestamptz at time zone 'UTC')::date as occurred_on,
    round(t.hours, 1) as current_value,
    t.threshold_value as expected_value,
    jsonb_build_object(
        'connection', t.connection,
        'newest', t.newest,
        'is_read', t.newest is not null,
        'attempted_at', s.attempted_at,
        'sources', coalesce(f.sources, '[]'),
        'problem', f.problem,
        'next_step', f.next_step
    ) as evidence
from told as t
left join attempts as s on t.connection = s.connection
left join failures as f on t.connection = f.connection
where
    (%(now)s::timestamptz at time zone 'UTC')::date between %(first_day)s and %(last_day)s
order by t.alert_id, t.connection, t.phase
