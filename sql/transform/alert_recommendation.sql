-- One row per alert and run that found savings for the first time that are together large enough. What people took up
-- since counts as it did then; what they did not want, or is gone, does not.
with asked as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.threshold_value,
        a.watches_from
    from jsonb_to_recordset(%(alerts)s::jsonb) as a (
        alert_id bigint, scope_type text, scope_id text, threshold_value numeric, watches_from date
    )
),

found as (
    select
        r.id,
        r.workspace_id,
        r.team_id,
        r.type,
        r.title,
        r.estimated_savings,
        r.confidence,
        r.window_first,
        r.window_last,
        r.found_first_at,
        (r.found_first_at at time zone 'UTC')::date as found_on
    from costpulse.recommendations as r
    where
        r.status in ('open', 'accepted', 'done')
        and r.estimated_savings > 0
        and (r.found_first_at at time zone 'UTC')::date between %(first_day)s and %(last_day)s
),

located as (
    select
        f.id,
        'everything' as scope_type,
        '' as scope_id
    from found as f
    union all
    select
        f.id,
        'workspace' as scope_type,
        f.workspace_id as scope_id
    from found as f
    union all
    select
        f.id,
        'team' as scope_type,
        coalesce(b.scope_team_id::text, 'unallocated') as scope_id
    from found as f
    left join costpulse.team_scopes as b on f.team_id = b.team_id
),

ranked as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.threshold_value,
        f.*,
        row_number() over (
            partition by a.alert_id, f.found_first_at order by f.estimated_savings desc, f.id asc
        ) as place
    from asked as a
    inner join located as l on a.scope_type = l.scope_type and a.scope_id = l.scope_id
    inner join found as f on l.id = f.id and f.found_on >= a.watches_from
)

select
    r.alert_id,
    r.scope_type,
    r.scope_id,
    case when r.scope_type = 'team' and r.scope_id <> 'unallocated' then r.scope_id::bigint end as team_id,
    'found:' || to_char(r.found_first_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"') as subject,
    null::numeric as threshold,
    'firing' as phase,
    0 as reminder,
    r.found_on as occurred_on,
    sum(r.estimated_savings) as current_value,
    null::numeric as expected_value,
    jsonb_build_object(
        'recommendations', count(*),
        'window_first', min(r.window_first),
        'window_last', max(r.window_last),
        'team_ids', (
            select jsonb_agg(b.team_id order by b.team_id)
            from costpulse.team_scopes as b
            where r.scope_type = 'team' and b.scope_team_id::text = r.scope_id
        ),
        'largest', jsonb_agg(
            jsonb_build_object(
                'id', r.id,
                'type', r.type,
                'title', r.title,
                'usd', round(r.estimated_savings, 2),
                'confidence', r.confidence
            ) order by r.place
        ) filter (where r.place <= 5)
    ) as evidence
from ranked as r
group by r.alert_id, r.scope_type, r.scope_id, r.threshold_value, r.found_first_at, r.found_on
having sum(r.estimated_savings) >= r.threshold_value
order by r.alert_id, r.found_first_at
