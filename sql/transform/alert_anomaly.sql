-- One row per alert, event that it tells and phase: events that are shown, grave and large enough, where the alert
-- looks. An event lies where half of its difference does.
with asked as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.threshold_value,
        a.watches_from,
        a.directions,
        array_position(array['medium', 'high', 'critical'], a.minimum_severity) as least_severity
    from jsonb_to_recordset(%(alerts)s::jsonb) as a (
        alert_id bigint,
        scope_type text,
        scope_id text,
        threshold_value numeric,
        watches_from date,
        minimum_severity text,
        directions text[]
    )
),

-- What was resolved as fixed was true. What was known to come, or is taken for no event, is not told.
events as (
    select
        e.*,
        array_position(array['medium', 'high', 'critical'], e.severity) as severity_no,
        e.status in ('open', 'acknowledged') or (e.status = 'resolved' and e.resolution = 'fixed') as is_told,
        case
            when e.status in ('expected', 'resolved')
                then least((e.decided_at at time zone 'UTC')::date, e.end_date + 1)
            else e.end_date + 1
        end as over_on
    from costpulse.anomalies as e
    where
        e.parent_id is null
        and e.recognised_on <= %(last_day)s
        and (e.recognised_on >= %(first_day)s or e.end_date is null or e.end_date >= %(first_day)s::date - 1)
),

team_parts as (
    select
        c.anomaly_id,
        case when c.value_id ~ '^[0-9]+$' then c.value_id::bigint end as team_id,
        c.share
    from costpulse.anomaly_causes as c
    inner join events as e on c.anomaly_id = e.id
    where c.dimension = 'team' and c.value_id <> ''
),

located as (
    select
        e.id,
        'everything' as scope_type,
        '' as scope_id
    from events as e
    union
    select
        e.id,
        e.scope_type,
        e.scope_id
    from events as e
    union
    select
        e.id,
        e.scope_type,
        b.scope_team_id::text as scope_id
    from events as e
    inner join costpulse.team_scopes as b on e.scope_id = b.team_id::text
    where e.scope_type = 'team'
    union
    select
        c.anomaly_id as id,
        c.dimension as scope_type,
        c.value_id as scope_id
    from costpulse.anomaly_causes as c
    inner join events as e on c.anomaly_id = e.id
    where c.share >= 0.5 and c.value_id <> ''
    union
    select
        p.anomaly_id as id,
        'team' as scope_type,
        b.scope_team_id::text as scope_id
    from team_parts as p
    inner join costpulse.team_scopes as b on p.team_id = b.team_id
    group by p.anomaly_id, b.scope_team_id
    having sum(p.share) >= 0.5
),

told as (
    select
        a.alert_id,
        e.id,
        p.phase,
        p.occurred_on
    from asked as a
    inner join located as l on a.scope_type = l.scope_type and a.scope_id = l.scope_id
    inner join events as e
        on
            l.id = e.id
            and e.direction = any(a.directions)
            and a.least_severity <= e.severity_no
            and abs(e.impact_usd) >= a.threshold_value
            and e.recognised_on >= a.watches_from
    cross join
        lateral (
            values
            ('firing', case when e.is_told then e.recognised_on end),
            ('ended', case when e.over_on is not null then greatest(e.over_on, e.recognised_on) end)
        ) as p (phase, occurred_on)
    where p.occurred_on between greatest(a.watches_from, %(first_day)s) and %(last_day)s
),

-- the most specific dimension whose largest value makes up half of the event, else that with the largest value
explained as (
    select distinct on (e.id)
        e.id,
        c.dimension
    from events as e
    inner join costpulse.anomaly_causes as c on e.id = c.anomaly_id
    where
        e.id in (select t.id from told as t)
        and c.rank = 1
        and c.share > 0
        and c.dimension <> e.scope_type
    order by
        e.id asc,
        c.share < 0.5 asc,
        case
            when c.share >= 0.5
                then
                    array_position(
                        array[
                            'job',
                            'pipeline',
                            'endpoint',
                            'warehouse',
                            'cluster',
                            'sku',
                            'user',
                            'product',
                            'team',
                            'workspace'
                        ],
                        c.dimension
                    )
        end asc,
        c.share desc
),

causes as materialized (
    select
        x.id,
        jsonb_agg(
            jsonb_build_object(
                'kind', c.dimension,
                'name', coalesce(c.name, substring(c.value_id from position('/' in c.value_id) + 1)),
                'usd', round(c.difference_usd, 2),
                'note', case
                    when c.is_new then 'new'
                    when c.is_gone then 'gone'
                    when abs(c.price_effect_usd) > abs(c.volume_effect_usd) then 'price'
                    else 'volume'
                end
            ) order by c.rank
        ) as causes
    from explained as x
    inner join costpulse.anomaly_causes as c on x.id = c.anomaly_id and x.dimension = c.dimension
    where c.rank <= 3 and c.share >= 0.05
    group by x.id
),

daily as materialized (
    select
        e.id,
        jsonb_agg(jsonb_build_array(d.usage_date, round(d.actual::numeric, 2)) order by d.usage_date) as series
    from events as e
    inner join costpulse.anomaly_days as d
        on
            e.scope_type = d.scope_type
            and e.scope_id = d.scope_id
            and d.usage_date between greatest(e.start_date - 14, e.last_date - 34) and e.last_date
    where e.id in (select t.id from told as t)
    group by e.id
),

teams as materialized (
    select distinct on (p.anomaly_id)
        p.anomaly_id as id,
        p.team_id
    from team_parts as p
    where p.share >= 0.5
    order by p.anomaly_id asc, p.share desc
)

select
    t.alert_id,
    e.scope_type,
    e.scope_id,
    case
        when e.scope_type <> 'team' then m.team_id
        when e.scope_id <> 'unallocated' then e.scope_id::bigint
    end as team_id,
    'anomaly:' || e.id as subject,
    null::numeric as threshold,
    t.phase,
    0 as reminder,
    t.occurred_on,
    e.actual_usd as current_value,
    e.expected_usd as expected_value,
    jsonb_build_object(
        'anomaly', e.id,
        'kind', e.kind,
        'direction', e.direction,
        'severity', e.severity,
        'start_date', e.start_date,
        'last_date', e.last_date,
        'end_date', e.end_date,
        'impact_usd', round(e.impact_usd, 2),
        'is_provisional', e.is_provisional,
        'status', e.status,
        'resolution', e.resolution,
        'reason', e.reason,
        'owner', e.assigned_to,
        'causes', coalesce(c.causes, '[]'),
        'series', coalesce(d.series, '[]')
    ) as evidence
from told as t
inner join events as e on t.id = e.id
left join causes as c on t.id = c.id
left join daily as d on t.id = d.id
left join teams as m on t.id = m.id
order by t.alert_id asc, t.occurred_on asc, e.id asc, t.phase desc
