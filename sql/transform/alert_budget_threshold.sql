-- alert x budget x period x threshold: the first final day by which so much was spent
with asked as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.threshold_value,
        a.unit,
        a.budget,
        a.watches_from
    from jsonb_to_recordset(%(alerts)s::jsonb) as a (
        alert_id bigint,
        scope_type text,
        scope_id text,
        threshold_value numeric,
        unit text,
        budget text,
        watches_from date
    )
),

-- alert x budget: those of its scope; of a team those of the teams below it as well; of everything all
watched as (
    select
        a.*,
        b.id as budget_id,
        b.thresholds
    from asked as a
    inner join costpulse.budgets as b
        on
            b.is_active
            and (a.budget = '' or lower(a.budget) = lower(b.name))
            and (
                a.scope_type = 'everything'
                or (a.scope_type = b.scope_type and a.scope_id = b.scope_id)
                or (
                    a.scope_type = 'team'
                    and (a.scope_id, b.team_id) in (
                        select
                            t.scope_team_id::text,
                            t.team_id
                        from costpulse.team_scopes as t
                    )
                )
            )
),

periods as materialized (
    select
        s.budget_id,
        s.budget_name,
        s.scope_type,
        s.scope_id,
        s.period,
        s.amount,
        s.period_start,
        s.period_end,
        s.data_until,
        s.breach_date
    from costpulse.budget_status as s
    where
        s.budget_id in (select w.budget_id from watched as w)
        and s.period_start <= %(last_day)s::date
        and s.period_end >= %(first_day)s::date
),

scopes as materialized (
    select
        p.scope_type,
        p.scope_id,
        min(p.period_start) as first_day
    from periods as p
    group by p.scope_type, p.scope_id
),

-- days that are not final: in progress, or never collected
open_days as (
    select g.usage_date::date as usage_date
    from
        generate_series((select min(s.first_day) from scopes as s), %(last_day)s::date, interval '1 day')
            as g (usage_date)
    where
        not exists (
            select from costpulse.completeness as c
            where c.usage_date = g.usage_date::date and not c.is_provisional
        )
),

tagged as materialized (
    select
        'tag' as scope_type,
        t.key || '=' || t.value as scope_id,
        k.key_id,
        k.product
    from costpulse.cost_keys as k
    cross join lateral jsonb_each_text(k.tags) as t
    where
        exists (select from scopes as a where a.scope_type = 'tag')
        and k.tags ?| (
            select array_agg(split_part(a.scope_id, '=', 1)) from scopes as a
            where a.scope_type = 'tag'
        )
        and strpos(t.key, '=') = 0
        -- an object is searched faster than rows whose number is not known beforehand
        and (
            select jsonb_object_agg(a.scope_id, null) from scopes as a
            where a.scope_type = 'tag'
        ) ? (t.key || '=' || t.value)
),

-- scope x final day x what it is made of: products, and of a product its SKUs
daily as materialized (
    select
        'everything' as scope_type,
        '' as scope_id,
        d.usage_date,
        'product' as kind,
        d.product as part_id,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_workspace_costs as d
    where
        exists (select from scopes as a where a.scope_type = 'everything')
        and d.usage_date between (select min(s.first_day) from scopes as s) and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
    group by d.usage_date, d.product
    union all
    select
        'workspace' as scope_type,
        coalesce(d.workspace_id, '') as scope_id,
        d.usage_date,
        'product' as kind,
        d.product as part_id,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_workspace_costs as d
    where
        coalesce(d.workspace_id, '') in (select a.scope_id from scopes as a where a.scope_type = 'workspace')
        and d.usage_date between (select min(s.first_day) from scopes as s) and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
    group by coalesce(d.workspace_id, ''), d.usage_date, d.product
    union all
    select
        'product' as scope_type,
        d.product as scope_id,
        d.usage_date,
        'SKU' as kind,
        d.sku_name as part_id,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_sku_costs as d
    where
        d.product in (select a.scope_id from scopes as a where a.scope_type = 'product')
        and d.usage_date between (select min(s.first_day) from scopes as s) and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
    group by d.product, d.usage_date, d.sku_name
    union all
    select
        'team' as scope_type,
        coalesce(b.scope_team_id::text, 'unallocated') as scope_id,
        d.usage_date,
        'product' as kind,
        d.product as part_id,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_team_costs as d
    left join costpulse.team_scopes as b on d.team_id = b.team_id
    where
        d.usage_date between (select min(s.first_day) from scopes as s) and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
        and coalesce(b.scope_team_id::text, 'unallocated') in (
            select a.scope_id from scopes as a
            where a.scope_type = 'team'
        )
        and (d.team_id is null) = (b.scope_team_id is null)
    group by coalesce(b.scope_team_id::text, 'unallocated'), d.usage_date, d.product
    union all
    select
        t.scope_type,
        t.scope_id,
        d.usage_date,
        'product' as kind,
        t.product as part_id,
        sum(d.cost_usd) as cost_usd
    from tagged as t
    inner join costpulse.daily_key_costs as d on t.key_id = d.key_id
    where
        d.usage_date between (select min(s.first_day) from scopes as s) and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
    group by t.scope_type, t.scope_id, d.usage_date, t.product
),

days as materialized (
    select
        d.scope_type,
        d.scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from daily as d
    group by d.scope_type, d.scope_id, d.usage_date
),

running as (
    select
        p.budget_id,
        p.period_start,
        p.amount,
        d.usage_date,
        sum(d.cost_usd) over (partition by p.budget_id, p.period_start order by d.usage_date) as spent_usd
    from periods as p
    inner join days as d
        on
            p.scope_type = d.scope_type
            and p.scope_id = d.scope_id
            and d.usage_date between p.period_start and least(p.period_end, p.data_until)
),

-- budget x period x threshold, with the alerts that have it
limits as (
    select
        w.budget_id,
        p.period_start,
        t.threshold,
        w.unit,
        case when w.unit = 'USD' then t.threshold else p.amount * t.threshold / 100 end as limit_usd,
        array_agg(w.alert_id) as alert_ids,
        array_agg(w.watches_from) as watched_from
    from (
        select
            o.alert_id,
            o.watches_from,
            o.budget_id,
            o.threshold_value,
            o.thresholds,
            -- those of budgets are percentages
            case when o.threshold_value is null then 'percent' else o.unit end as unit
        from watched as o
    ) as w
    inner join periods as p on w.budget_id = p.budget_id
    cross join
        lateral unnest(
            case when w.threshold_value is null then w.thresholds else array[w.threshold_value] end
        ) as t (threshold)
    group by w.budget_id, p.period_start, p.amount, t.threshold, w.unit
),

crossed as materialized (
    select distinct on (l.budget_id, l.period_start, l.threshold, l.unit)
        l.budget_id,
        l.period_start,
        l.threshold,
        l.unit,
        l.limit_usd,
        l.alert_ids,
        l.watched_from,
        r.usage_date,
        r.spent_usd
    from limits as l
    inner join running as r
        on l.budget_id = r.budget_id and l.period_start = r.period_start and r.spent_usd >= l.limit_usd
    order by l.budget_id, l.period_start, l.threshold, l.unit, r.usage_date
),

moments as materialized (
    select distinct
        p.*,
        c.usage_date
    from crossed as c
    inner join periods as p on c.budget_id = p.budget_id and c.period_start = p.period_start
    where c.usage_date >= %(first_day)s
),

charts as materialized (
    select
        m.budget_id,
        m.period_start,
        m.usage_date,
        jsonb_agg(jsonb_build_array(d.usage_date, round(d.cost_usd, 2)) order by d.usage_date) as series
    from moments as m
    inner join days as d
        on
            m.scope_type = d.scope_type
            and m.scope_id = d.scope_id
            and d.usage_date between greatest(m.period_start, m.usage_date - 34) and m.usage_date
    where d.cost_usd is not null
    group by m.budget_id, m.period_start, m.usage_date
),

parts as (
    select
        m.budget_id,
        m.period_start,
        m.usage_date,
        d.kind,
        d.part_id,
        sum(d.cost_usd) as cost_usd,
        row_number() over (
            partition by m.budget_id, m.period_start, m.usage_date order by sum(d.cost_usd) desc, d.part_id asc
        ) as place
    from moments as m
    inner join daily as d
        on
            m.scope_type = d.scope_type
            and m.scope_id = d.scope_id
            and d.usage_date between m.period_start and m.usage_date
    group by m.budget_id, m.period_start, m.usage_date, d.kind, d.part_id
    having sum(d.cost_usd) > 0
),

main_causes as materialized (
    select
        p.budget_id,
        p.period_start,
        p.usage_date,
        jsonb_agg(
            jsonb_build_object('kind', p.kind, 'name', p.part_id, 'usd', round(p.cost_usd, 2), 'note', '')
            order by p.place
        ) as causes
    from parts as p
    where p.place <= 3
    group by p.budget_id, p.period_start, p.usage_date
),

-- budget x period x day: what the messages have in common
told as materialized (
    select
        m.budget_id,
        m.period_start,
        m.usage_date,
        m.scope_type,
        m.scope_id,
        m.amount,
        jsonb_build_object(
            'budget', m.budget_name,
            'amount', m.amount,
            'period', m.period,
            'period_start', m.period_start,
            'period_end', m.period_end,
            'expected_from', e.data_until,
            'projected_usd', round(e.projected_usd, 2),
            'lower_usd', round(e.lower_bound, 2),
            'upper_usd', round(e.upper_bound, 2),
            'probability', e.probability_exceeded,
            'breach_date', case when e.data_until = m.data_until then m.breach_date end,
            'owner', b.owner,
            'recipients', to_jsonb(b.recipients),
            'causes', coalesce(k.causes, '[]'),
            'series', h.series
        ) as evidence
    from moments as m
    inner join costpulse.budgets as b on m.budget_id = b.id
    left join charts as h
        on m.budget_id = h.budget_id and m.period_start = h.period_start and m.usage_date = h.usage_date
    left join main_causes as k
        on m.budget_id = k.budget_id and m.period_start = k.period_start and m.usage_date = k.usage_date
    -- what was expected then
    left join lateral (
        select
            p.data_until,
            p.projected_usd,
            p.lower_bound,
            p.upper_bound,
            p.probability_exceeded
        from costpulse.budget_probabilities as p
        where p.budget_id = m.budget_id and p.period_start = m.period_start and p.data_until <= m.usage_date
        order by p.data_until desc
        limit 1
    ) as e on true
)

select
    a.alert_id,
    t.scope_type,
    t.scope_id,
    case when t.scope_type = 'team' and t.scope_id <> 'unallocated' then t.scope_id::bigint end as team_id,
    'budget:' || t.budget_id || ':' || t.period_start as subject,
    c.threshold,
    'firing' as phase,
    0 as reminder,
    c.usage_date as occurred_on,
    c.spent_usd as current_value,
    c.limit_usd as expected_value,
    t.evidence || jsonb_build_object(
        'unit', c.unit,
        'spent_usd', round(c.spent_usd, 2),
        'limit_usd', round(c.limit_usd, 2),
        'used_percent', round(c.spent_usd / t.amount * 100, 2)
    ) as evidence
from crossed as c
inner join told as t
    on c.budget_id = t.budget_id and c.period_start = t.period_start and c.usage_date = t.usage_date
cross join lateral unnest(c.alert_ids, c.watched_from) as a (alert_id, watches_from)
where c.usage_date >= a.watches_from
order by c.usage_date, a.alert_id, t.budget_id, c.threshold
