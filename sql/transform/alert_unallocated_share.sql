-- One row per alert, stretch of days with too much cost that no team owns, and time that it is told: when it begins,
-- each reminder, its end. A day is judged with the final days before it; three final days below the limit end it.
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
        c.usage_date,
        row_number() over (order by c.usage_date) as n
    from costpulse.completeness as c
    where not c.is_provisional and c.usage_date <= %(last_day)s
),

-- what is read: the days that any alert needs
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

spent as (
    select
        'everything' as scope_type,
        '' as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd,
        sum(d.cost_usd) filter (where d.team_id is null) as unallocated_usd
    from costpulse.daily_team_costs as d
    cross join bounds as b
    where
        d.usage_date between b.first_date and b.last_date
        and exists (select from wanted as w where w.scope_type = 'everything')
    group by d.usage_date
    union all
    select
        'product' as scope_type,
        d.product as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd,
        sum(d.cost_usd) filter (where d.team_id is null) as unallocated_usd
    from costpulse.daily_team_costs as d
    cross join bounds as b
    where
        d.usage_date between b.first_date and b.last_date
        and d.product in (select w.scope_id from wanted as w where w.scope_type = 'product')
    group by d.product, d.usage_date
    union all
    select
        'workspace' as scope_type,
        d.workspace_id as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd,
        sum(d.cost_usd) filter (where d.team_id is null) as unallocated_usd
    from costpulse.daily_costs as d
    cross join bounds as b
    where
        d.usage_date between b.first_date and b.last_date
        and d.workspace_id in (select w.scope_id from wanted as w where w.scope_type = 'workspace')
    group by d.workspace_id, d.usage_date
),

-- every scope on every final day: amounts up to it
totals as materialized (
    select
        w.scope_type,
        w.scope_id,
        f.usage_date,
        f.n,
        sum(coalesce(s.cost_usd, 0)) over up_to_here as cost_usd,
        sum(coalesce(s.unallocated_usd, 0)) over up_to_here as unallocated_usd
    from wanted as w
    cross join bounds as b
    inner join finals as f on b.before_n < f.n
    left join spent as s
        on w.scope_type = s.scope_type and w.scope_id = s.scope_id and f.usage_date = s.usage_date
    window up_to_here as (partition by w.scope_type, w.scope_id order by f.n)
),

judged as materialized (
    select
        j.*,
        100 * j.unallocated_usd / nullif(j.cost_usd, 0) as share
    from (
        select
            a.*,
            a.watches_from <= t.usage_date as is_watched,
            t.usage_date,
            t.n,
            t.cost_usd - lag(t.cost_usd, a.days, 0) over one as cost_usd,
            t.unallocated_usd - lag(t.unallocated_usd, a.days, 0) over one as unallocated_usd
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
    where j.is_watched and j.cost_usd > 0 and j.share > j.threshold_value
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

-- where the money is, on the days that are judged
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

part_days as materialized (
    select
        s.scope_type,
        s.scope_id,
        d.usage_date,
        case when s.scope_type = 'workspace' then d.product else coalesce(d.workspace_id, '') end as part,
        sum(d.cost_usd) as cost_usd
    from (
        select distinct
            q.scope_type,
            q.scope_id
        from asked_about as q
    ) as s
    inner join costpulse.daily_costs as d
        on
            d.team_id is null
            and (s.scope_type <> 'workspace' or s.scope_id = d.workspace_id)
            and (s.scope_type <> 'product' or s.scope_id = d.product)
    inner join finals as f on d.usage_date = f.usage_date
    where
        d.usage_date >= (select min(q.first_date) from asked_about as q)
        and d.usage_date <= (select max(q.last_date) from asked_about as q)
    group by s.scope_type, s.scope_id, d.usage_date, part
),

parts as (
    select
        q.scope_type,
        q.scope_id,
        q.n,
        q.days,
        p.part,
        sum(p.cost_usd) as cost_usd
    from asked_about as q
    inner join part_days as p
        on
            q.scope_type = p.scope_type
            and q.scope_id = p.scope_id
            and p.usage_date between q.first_date and q.last_date
    group by q.scope_type, q.scope_id, q.n, q.days, p.part
),

causes as materialized (
    select
        p.scope_type,
        p.scope_id,
        p.n,
        p.days,
        jsonb_agg(
            jsonb_build_object(
                'kind', case when p.scope_type = 'workspace' then 'product' else 'workspace' end,
                'name', case
                    when p.scope_type = 'workspace' then p.part
                    when p.part = '' then 'Account level'
                    else coalesce(w.name, p.part)
                end,
                'usd', round(p.cost_usd, 2)
            ) order by p.place
        ) as causes
    from (
        select
            a.*,
            row_number() over (
                partition by a.scope_type, a.scope_id, a.n, a.days order by a.cost_usd desc, a.part asc
            ) as place
        from parts as a
        where a.cost_usd > 0
    ) as p
    left join costpulse.workspaces as w on p.scope_type <> 'workspace' and p.part = w.workspace_id
    where p.place <= 3
    group by p.scope_type, p.scope_id, p.n, p.days
),

daily_figures as materialized (
    select
        t.alert_id,
        t.n,
        jsonb_agg(jsonb_build_array(j.usage_date, round(j.share, 2)) order by j.usage_date) as series
    from (
        select distinct
            o.alert_id,
            o.n
        from told_or_ended as o
    ) as t
    inner join judged as j on t.alert_id = j.alert_id and j.n between t.n - 27 and t.n
    where j.share is not null
    group by t.alert_id, t.n
)

select
    t.alert_id,
    j.scope_type,
    j.scope_id,
    null::bigint as team_id,
    'share:' || t.began_on as subject,
    null::numeric as threshold,
    t.phase,
    t.reminder,
    j.usage_date as occurred_on,
    round(coalesce(j.share, 0), 18) as current_value,
    j.threshold_value as expected_value,
    jsonb_build_object(
        'began_on', t.began_on,
        'first_date', o.usage_date,
        'days', j.days,
        'cost_usd', round(j.cost_usd, 2),
        'unallocated_usd', round(j.unallocated_usd, 2),
        'causes', coalesce(c.causes, '[]'),
        'series', coalesce(d.series, '[]')
    ) as evidence
from told_or_ended as t
inner join judged as j on t.alert_id = j.alert_id and t.n = j.n
inner join finals as o on j.n - j.days + 1 = o.n
left join daily_figures as d on t.alert_id = d.alert_id and t.n = d.n
left join causes as c on j.scope_type = c.scope_type and j.scope_id = c.scope_id and j.n = c.n and j.days = c.days
where j.usage_date between %(first_day)s and %(last_day)s
order by t.alert_id, t.n, t.phase
