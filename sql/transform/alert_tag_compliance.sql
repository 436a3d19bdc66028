-- One row per alert, stretch of days with too low a tag score, and time that it is told: when it begins, each reminder,
-- its end. A day is judged with the final days before it; three judged days that are good enough end a stretch.
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

-- final days whose tags are judged: of the others nothing can be said
finals as materialized (
    select
        c.usage_date,
        row_number() over (order by c.usage_date) as n
    from costpulse.completeness as c
    where
        not c.is_provisional
        and c.usage_date <= %(last_day)s
        and exists (select from costpulse.tag_compliance as t where t.usage_date = c.usage_date)
),

bounds as (
    select
        min(f.usage_date) as first_date,
        max(f.usage_date) as last_date,
        min(f.n) - 1 as before_n
    from finals as f
    where
        f.n > (
            select min(w.n) - max(a.days) - 28
            from asked as a
            inner join finals as w on a.watches_from <= w.usage_date
        )
),

wanted as (
    select distinct
        a.scope_type,
        a.scope_id
    from asked as a
),

-- owners and kinds of resources added up
daily as materialized (
    select
        c.usage_date,
        c.workspace_id,
        c.team_id,
        sum(c.compliant_cost_usd) as compliant_usd,
        sum(c.taggable_cost_usd - c.exempt_cost_usd) as required_usd
    from costpulse.tag_compliance as c
    cross join bounds as b
    where c.usage_date between b.first_date and b.last_date
    group by c.usage_date, c.workspace_id, c.team_id
),

placed as (
    select
        'everything' as scope_type,
        '' as scope_id,
        d.usage_date,
        d.compliant_usd,
        d.required_usd
    from daily as d
    union all
    select
        'workspace' as scope_type,
        d.workspace_id as scope_id,
        d.usage_date,
        d.compliant_usd,
        d.required_usd
    from daily as d
    union all
    select
        'team' as scope_type,
        coalesce(b.scope_team_id::text, 'unallocated') as scope_id,
        d.usage_date,
        d.compliant_usd,
        d.required_usd
    from daily as d
    left join costpulse.team_scopes as b on d.team_id = b.team_id
),

scored as (
    select
        p.scope_type,
        p.scope_id,
        p.usage_date,
        sum(p.compliant_usd) as compliant_usd,
        sum(p.required_usd) as required_usd
    from placed as p
    inner join wanted as w on p.scope_type = w.scope_type and p.scope_id = w.scope_id
    group by p.scope_type, p.scope_id, p.usage_date
),

totals as materialized (
    select
        w.scope_type,
        w.scope_id,
        f.usage_date,
        f.n,
        sum(coalesce(s.compliant_usd, 0)) over up_to_here as compliant_usd,
        sum(coalesce(s.required_usd, 0)) over up_to_here as required_usd
    from wanted as w
    cross join bounds as b
    inner join finals as f on b.before_n < f.n
    left join scored as s
        on w.scope_type = s.scope_type and w.scope_id = s.scope_id and f.usage_date = s.usage_date
    window up_to_here as (partition by w.scope_type, w.scope_id order by f.n)
),

judged as materialized (
    select
        j.*,
        100 * j.compliant_usd / nullif(j.required_usd, 0) as score
    from (
        select
            a.*,
            a.watches_from <= t.usage_date as is_watched,
            t.usage_date,
            t.n,
            t.compliant_usd - lag(t.compliant_usd, a.days, 0) over one as compliant_usd,
            t.required_usd - lag(t.required_usd, a.days, 0) over one as required_usd
        from asked as a
        inner join totals as t on a.scope_type = t.scope_type and a.scope_id = t.scope_id
        window one as (partition by a.alert_id order by t.n)
    ) as j
    cross join bounds as b
    -- at the beginning of the history there are too few days
    where j.n - j.days >= b.before_n
),

held as (
    select
        j.*,
        j.n - lag(j.n) over (partition by j.alert_id order by j.n) <= 3 as goes_on
    from judged as j
    where j.is_watched and j.required_usd > 0 and j.score < j.threshold_value
),

numbered as (
    select
        h.*,
        count(*) filter (where h.goes_on is distinct from true) over (partition by h.alert_id order by h.n) as stretch
    from held as h
),

stretches as (
    select
        n.*,
        min(n.usage_date) over one as began_on,
        max(n.n) over one as last_n,
        (n.usage_date - min(n.usage_date) over one) / n.reminder_days as reminder
    from numbered as n
    window one as (partition by n.alert_id, n.stretch)
),

told as (
    select distinct on (s.alert_id, s.began_on, s.reminder)
        s.alert_id,
        s.n,
        s.began_on,
        'firing' as phase,
        s.reminder
    from stretches as s
    order by s.alert_id, s.began_on, s.reminder, s.n
),

told_or_ended as materialized (
    select t.*
    from told as t
    union all
    select distinct
        s.alert_id,
        s.last_n + 3 as n,
        s.began_on,
        'ended' as phase,
        0 as reminder
    from stretches as s
),

-- the questions about owners and keys, each once however many alerts ask it
asked_about as materialized (
    select distinct
        j.scope_type,
        j.scope_id,
        j.n,
        j.days,
        o.usage_date as first_date,
        j.usage_date as last_date
    from told_or_ended as t
    inner join judged as j on t.alert_id = j.alert_id and t.n = j.n
    inner join finals as o on j.n - j.days + 1 = o.n
    where j.usage_date between %(first_day)s and %(last_day)s
),

-- the scopes of the questions, and whose cost is in them
asked_scopes as (
    select distinct
        q.scope_type,
        q.scope_id
    from asked_about as q
),

asked_days as (
    select
        min(q.first_date) as first_date,
        max(q.last_date) as last_date
    from asked_about as q
),

inside as materialized (
    select
        s.scope_type,
        s.scope_id,
        d.workspace_id,
        d.team_id
    from asked_scopes as s
    cross join (
        select distinct
            a.workspace_id,
            a.team_id
        from daily as a
    ) as d
    where
        s.scope_type = 'everything'
        or (s.scope_type = 'workspace' and s.scope_id = d.workspace_id)
        or (s.scope_type = 'team' and s.scope_id = 'unallocated' and d.team_id is null)
        or (
            s.scope_type = 'team'
            and d.team_id in (select b.team_id from costpulse.team_scopes as b where b.scope_team_id::text = s.scope_id)
        )
),

owner_days as materialized (
    select
        i.scope_type,
        i.scope_id,
        c.usage_date,
        c.owner,
        sum(c.untagged_cost_usd) as untagged_usd,
        sum(c.incomplete_cost_usd) as incomplete_usd,
        sum(c.wrong_value_cost_usd) as wrong_value_usd,
        sum(c.untagged_cost_usd + c.incomplete_cost_usd + c.wrong_value_cost_usd) as missing_usd
    from asked_days as a
    inner join costpulse.tag_compliance as c on c.usage_date between a.first_date and a.last_date
    inner join finals as f on c.usage_date = f.usage_date
    inner join inside as i
        on
            coalesce(c.workspace_id, '') = coalesce(i.workspace_id, '')
            and coalesce(c.team_id, 0) = coalesce(i.team_id, 0)
    group by i.scope_type, i.scope_id, c.usage_date, c.owner
    having sum(c.untagged_cost_usd + c.incomplete_cost_usd + c.wrong_value_cost_usd) <> 0
),

key_days as materialized (
    select
        i.scope_type,
        i.scope_id,
        k.usage_date,
        k.tag_key,
        sum(k.missing_cost_usd + k.blank_cost_usd + k.not_allowed_cost_usd + k.wrong_case_cost_usd) as missing_usd
    from asked_days as a
    inner join costpulse.tag_key_compliance as k on k.usage_date between a.first_date and a.last_date
    inner join finals as f on k.usage_date = f.usage_date
    inner join inside as i
        on
            coalesce(k.workspace_id, '') = coalesce(i.workspace_id, '')
            and coalesce(k.team_id, 0) = coalesce(i.team_id, 0)
    group by i.scope_type, i.scope_id, k.usage_date, k.tag_key
),

owners as (
    select
        q.scope_type,
        q.scope_id,
        q.n,
        q.days,
        c.owner,
        sum(c.untagged_usd) as untagged_usd,
        sum(c.incomplete_usd) as incomplete_usd,
        sum(c.wrong_value_usd) as wrong_value_usd,
        sum(c.missing_usd) as missing_usd
    from asked_about as q
    inner join owner_days as c
        on
            q.scope_type = c.scope_type
            and q.scope_id = c.scope_id
            and c.usage_date between q.first_date and q.last_date
    group by q.scope_type, q.scope_id, q.n, q.days, c.owner
),

causes as materialized (
    select
        p.scope_type,
        p.scope_id,
        p.n,
        p.days,
        sum(p.untagged_usd) as untagged_usd,
        sum(p.incomplete_usd) as incomplete_usd,
        sum(p.wrong_value_usd) as wrong_value_usd,
        jsonb_agg(
            jsonb_build_object(
                'kind', case when position('@' in p.owner) = 0 then 'service principal' else 'owner' end,
                'name', coalesce(p.owner, 'Nobody known'),
                'usd', round(p.missing_usd, 2)
            ) order by p.place
        ) filter (where p.place <= 3 and p.missing_usd > 0) as causes
    from (
        select
            o.*,
            row_number() over (
                partition by o.scope_type, o.scope_id, o.n, o.days order by o.missing_usd desc, o.owner asc
            ) as place
        from owners as o
    ) as p
    group by p.scope_type, p.scope_id, p.n, p.days
),

-- the key whose absence or wrong values concern most cost; keys never add up
keys as materialized (
    select distinct on (q.scope_type, q.scope_id, q.n, q.days)
        q.scope_type,
        q.scope_id,
        q.n,
        q.days,
        k.tag_key,
        sum(k.missing_usd) as missing_usd
    from asked_about as q
    inner join key_days as k
        on
            q.scope_type = k.scope_type
            and q.scope_id = k.scope_id
            and k.usage_date between q.first_date and q.last_date
    group by q.scope_type, q.scope_id, q.n, q.days, k.tag_key
    order by q.scope_type asc, q.scope_id asc, q.n asc, q.days asc, sum(k.missing_usd) desc, k.tag_key asc
),

daily_figures as materialized (
    select
        t.alert_id,
        t.n,
        jsonb_agg(jsonb_build_array(j.usage_date, round(j.score, 2)) order by j.usage_date) as series
    from (
        select distinct
            o.alert_id,
            o.n
        from told_or_ended as o
    ) as t
    inner join judged as j on t.alert_id = j.alert_id and j.n between t.n - 27 and t.n
    where j.score is not null
    group by t.alert_id, t.n
)

select
    t.alert_id,
    j.scope_type,
    j.scope_id,
    case when j.scope_type = 'team' and j.scope_id <> 'unallocated' then j.scope_id::bigint end as team_id,
    'tags:' || t.began_on as subject,
    null::numeric as threshold,
    t.phase,
    t.reminder,
    j.usage_date as occurred_on,
    round(coalesce(j.score, 100), 18) as current_value,
    j.threshold_value as expected_value,
    jsonb_build_object(
        'began_on', t.began_on,
        'first_date', o.usage_date,
        'days', j.days,
        'compliant_usd', round(j.compliant_usd, 2),
        'required_usd', round(j.required_usd, 2),
        'untagged_usd', round(coalesce(c.untagged_usd, 0), 2),
        'incomplete_usd', round(coalesce(c.incomplete_usd, 0), 2),
        'wrong_value_usd', round(coalesce(c.wrong_value_usd, 0), 2),
        'worst_key', case when k.missing_usd > 0 then k.tag_key end,
        'worst_key_usd', case when k.missing_usd > 0 then round(k.missing_usd, 2) end,
        'team_ids', (
            select jsonb_agg(b.team_id order by b.team_id)
            from costpulse.team_scopes as b
            where j.scope_type = 'team' and b.scope_team_id::text = j.scope_id
        ),
        'causes', coalesce(c.causes, '[]'),
        'series', coalesce(d.series, '[]')
    ) as evidence
from told_or_ended as t
inner join judged as j on t.alert_id = j.alert_id and t.n = j.n
inner join finals as o on j.n - j.days + 1 = o.n
left join daily_figures as d on t.alert_id = d.alert_id and t.n = d.n
left join causes as c on j.scope_type = c.scope_type and j.scope_id = c.scope_id and j.n = c.n and j.days = c.days
left join keys as k on j.scope_type = k.scope_type and j.scope_id = k.scope_id and j.n = k.n and j.days = k.days
where j.usage_date between %(first_day)s and %(last_day)s
order by t.alert_id, t.n, t.phase
