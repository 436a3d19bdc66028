-- alert x budget x period: the first last final day from which too much was expected, and probable enough
with asked as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.threshold_value,
        a.minimum_probability,
        a.budget,
        a.watches_from
    from jsonb_to_recordset(%(alerts)s::jsonb) as a (
        alert_id bigint,
        scope_type text,
        scope_id text,
        threshold_value numeric,
        minimum_probability numeric,
        budget text,
        watches_from date
    )
),

-- alert x budget: those of its scope; of a team those of the teams below it as well; of everything all
watched as (
    select
        a.*,
        b.id as budget_id,
        b.thresholds,
        b.projected_threshold,
        b.owner,
        b.recipients
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

said as (
    select
        w.alert_id,
        w.watches_from,
        w.owner,
        w.recipients,
        coalesce(w.threshold_value, w.projected_threshold) as threshold,
        p.budget_id,
        p.budget_name,
        p.scope_type,
        p.scope_id,
        p.amount,
        p.period_start,
        p.period_end,
        p.data_until,
        p.spent_usd,
        p.projected_usd,
        p.lower_bound,
        p.upper_bound,
        p.probability_exceeded,
        s.period,
        case when s.data_until = p.data_until then s.breach_date end as breach_date
    from watched as w
    inner join costpulse.budget_probabilities as p on w.budget_id = p.budget_id
    inner join periods as s on p.budget_id = s.budget_id and p.period_start = s.period_start
    where
        -- a budget without a threshold wants nothing to be told, unless the alert has one
        p.projected_usd >= p.amount * coalesce(w.threshold_value, w.projected_threshold) / 100
        and p.probability_exceeded >= w.minimum_probability
        and p.data_until <= %(last_day)s
        and p.data_until not in (select o.usage_date from open_days as o)
),

found as materialized (
    select distinct on (s.alert_id, s.budget_id, s.period_start) s.*
    from said as s
    order by s.alert_id, s.budget_id, s.period_start, s.data_until
),

moments as materialized (
    select distinct
        f.budget_id,
        f.period_start,
        f.scope_type,
        f.scope_id,
        f.data_until as usage_date
    from found as f
    where f.data_until >= %(first_day)s
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
)

select
    f.alert_id,
    f.scope_type,
    f.scope_id,
    case when f.scope_type = 'team' and f.scope_id <> 'unallocated' then f.scope_id::bigint end as team_id,
    'budget:' || f.budget_id || ':' || f.period_start as subject,
    null::numeric as threshold,
    'firing' as phase,
    0 as reminder,
    f.data_until as occurred_on,
    f.projected_usd as current_value,
    f.amount * f.threshold / 100 as expected_value,
    jsonb_build_object(
        'budget', f.budget_name,
        'amount', f.amount,
        'period', f.period,
        'period_start', f.period_start,
        'period_end', f.period_end,
        'limit_percent', f.threshold,
        'limit_usd', round(f.amount * f.threshold / 100, 2),
        'spent_usd', round(f.spent_usd, 2),
        'used_percent', round(f.spent_usd / f.amount * 100, 2),
        'expected_from', f.data_until,
        'projected_usd', round(f.projected_usd, 2),
        'projected_percent', round(f.projected_usd / f.amount * 100, 2),
        'lower_usd', round(f.lower_bound, 2),
        'upper_usd', round(f.upper_bound, 2),
        'probability', f.probability_exceeded,
        'breach_date', f.breach_date,
        'owner', f.owner,
        'recipients', to_jsonb(f.recipients),
        'causes', coalesce(k.causes, '[]'),
        'series', h.series
    ) as evidence
from found as f
left join charts as h
    on f.budget_id = h.budget_id and f.period_start = h.period_start and f.data_until = h.usage_date
left join main_causes as k
    on f.budget_id = k.budget_id and f.period_start = k.period_start and f.data_until = k.usage_date
where f.data_until >= greatest(f.watches_from, %(first_day)s::date)
order by f.data_until, f.alert_id, f.budget_id
