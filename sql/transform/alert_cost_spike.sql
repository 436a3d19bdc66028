-- alert x episode of days that cost far more than the same weekday did: its first day, and the first after it.
-- 63 days are read before the window, so that an episode has the same first day whatever the window; one that lasts
-- longer has no end here. Before those, four weeks to compare with.
with asked as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.threshold_value,
        a.minimum_usd,
        a.watches_from
    from jsonb_to_recordset(%(alerts)s::jsonb) as a (
        alert_id bigint,
        scope_type text,
        scope_id text,
        threshold_value numeric,
        minimum_usd numeric,
        watches_from date
    )
),

known as (
    select
        c.usage_date,
        c.is_provisional
    from costpulse.completeness as c
    where c.usage_date between %(first_day)s::date - 64 - 28 and %(last_day)s::date
),

-- days that are not final: in progress, or never collected
open_days as (
    select g.usage_date::date as usage_date
    from generate_series(%(first_day)s::date - 64 - 28, %(last_day)s::date, interval '1 day') as g (usage_date)
    where
        not exists (
            select from costpulse.completeness as c
            where c.usage_date = g.usage_date::date and not c.is_provisional
        )
),

-- jobs, warehouses, all-purpose clusters and tags that are asked for: what is theirs
keyed as materialized (
    select
        r.scope_type,
        r.scope_id,
        k.key_id
    from costpulse.cost_keys as k
    cross join
        lateral (
            values
            ('job', coalesce(k.workspace_id, '') || '/' || k.job_id),
            ('warehouse', coalesce(k.workspace_id, '') || '/' || k.warehouse_id),
            (
                'cluster',
                case
                    when k.product = 'ALL_PURPOSE' and k.job_id is null and k.pipeline_id is null
                        then coalesce(k.workspace_id, '') || '/' || k.cluster_id
                end
            )
        ) as r (scope_type, scope_id)
    where
        exists (select from asked as a where a.scope_type in ('job', 'warehouse', 'cluster'))
        and (r.scope_type, r.scope_id) in (select
            a.scope_type,
            a.scope_id
        from asked as a)
    union all
    select
        'tag' as scope_type,
        t.key || '=' || t.value as scope_id,
        k.key_id
    from costpulse.cost_keys as k
    cross join lateral jsonb_each_text(k.tags) as t
    where
        exists (select from asked as a where a.scope_type = 'tag')
        and k.tags ?| (
            select array_agg(split_part(a.scope_id, '=', 1)) from asked as a
            where a.scope_type = 'tag'
        )
        and strpos(t.key, '=') = 0
        -- an object is searched faster than rows whose number is not known beforehand
        and (
            select jsonb_object_agg(a.scope_id, null) from asked as a
            where a.scope_type = 'tag'
        ) ? (t.key || '=' || t.value)
),

-- scope x final day; only the scopes that are asked for
daily as materialized (
    select
        'everything' as scope_type,
        '' as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_workspace_costs as d
    where
        exists (select from asked as a where a.scope_type = 'everything')
        and d.usage_date between %(first_day)s::date - 64 - 28 and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
    group by d.usage_date
    union all
    select
        'workspace' as scope_type,
        coalesce(d.workspace_id, '') as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_workspace_costs as d
    where
        coalesce(d.workspace_id, '') in (select a.scope_id from asked as a where a.scope_type = 'workspace')
        and d.usage_date between %(first_day)s::date - 64 - 28 and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
    group by coalesce(d.workspace_id, ''), d.usage_date
    union all
    select
        'product' as scope_type,
        d.product as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_workspace_costs as d
    where
        d.product in (select a.scope_id from asked as a where a.scope_type = 'product')
        and d.usage_date between %(first_day)s::date - 64 - 28 and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
    group by d.product, d.usage_date
    union all
    select
        'sku' as scope_type,
        d.sku_name as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_sku_costs as d
    where
        d.sku_name in (select a.scope_id from asked as a where a.scope_type = 'sku')
        and d.usage_date between %(first_day)s::date - 64 - 28 and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
    group by d.sku_name, d.usage_date
    union all
    select
        'team' as scope_type,
        coalesce(b.scope_team_id::text, 'unallocated') as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_team_costs as d
    left join costpulse.team_scopes as b on d.team_id = b.team_id
    where
        d.usage_date between %(first_day)s::date - 64 - 28 and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
        and coalesce(b.scope_team_id::text, 'unallocated') in (
            select a.scope_id from asked as a
            where a.scope_type = 'team'
        )
        and (d.team_id is null) = (b.scope_team_id is null)
    group by coalesce(b.scope_team_id::text, 'unallocated'), d.usage_date
    union all
    select
        k.scope_type,
        k.scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from keyed as k
    inner join costpulse.daily_key_costs as d on k.key_id = d.key_id
    where
        d.usage_date between %(first_day)s::date - 64 - 28 and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
    group by k.scope_type, k.scope_id, d.usage_date
),

-- scope x known day: a final day without cost cost 0, one that is not final has no cost yet
filled as (
    select
        s.scope_type,
        s.scope_id,
        k.usage_date,
        case when not k.is_provisional then coalesce(d.cost_usd, 0) end as cost_usd
    from (select distinct
        a.scope_type,
        a.scope_id
    from asked as a) as s
    cross join known as k
    left join daily as d
        on s.scope_type = d.scope_type and s.scope_id = d.scope_id and k.usage_date = d.usage_date
),

-- with the same weekday of the four weeks before
beside as (
    select
        f.scope_type,
        f.scope_id,
        f.usage_date,
        f.cost_usd,
        array_remove(
            array_agg(f.cost_usd) over (
                partition by f.scope_type, f.scope_id, extract(isodow from f.usage_date)
                order by f.usage_date
                range between interval '28 days' preceding and interval '7 days' preceding
            ),
            null
        ) as same_weekdays
    from filled as f
),

compared as materialized (
    select
        b.scope_type,
        b.scope_id,
        b.usage_date,
        b.cost_usd,
        m.usual_usd
    from beside as b
    -- the median, exactly
    left join lateral (
        select avg(v.cost_usd) as usual_usd
        from (
            select
                u.cost_usd,
                row_number() over (order by u.cost_usd) as place
            from unnest(b.same_weekdays) as u (cost_usd)
        ) as v
        where v.place in ((cardinality(b.same_weekdays) + 1) / 2, (cardinality(b.same_weekdays) + 2) / 2)
    ) as m on cardinality(b.same_weekdays) >= 3
    where b.usage_date >= %(first_day)s::date - 64
),

judged as (
    select
        a.alert_id,
        a.threshold_value,
        a.watches_from,
        c.scope_type,
        c.scope_id,
        c.usage_date,
        c.cost_usd,
        c.usual_usd,
        case
            when c.cost_usd is null then null
            else coalesce(
                c.cost_usd > c.usual_usd * (1 + a.threshold_value / 100)
                and c.cost_usd - c.usual_usd >= a.minimum_usd,
                false
            )
        end as is_spike
    from asked as a
    inner join compared as c on a.scope_type = c.scope_type and a.scope_id = c.scope_id
),

-- after a day that is not final nothing begins or ends yet
turns as (
    select
        j.*,
        lag(j.is_spike) over (partition by j.alert_id order by j.usage_date) as was_spike
    from judged as j
),

episodes as (
    select
        t.*,
        count(*) filter (where t.is_spike and not t.was_spike) over (
            partition by t.alert_id order by t.usage_date
        ) as episode
    from turns as t
),

-- alert x episode, up to a day
spans as (
    select
        e.*,
        min(e.usage_date) filter (where e.is_spike) over up_to as began_on,
        max(e.usage_date) filter (where e.is_spike) over up_to as lasted_until,
        count(*) filter (where e.is_spike) over up_to as days,
        sum(e.cost_usd - e.usual_usd) filter (where e.is_spike) over up_to as extra_usd
    from episodes as e
    where e.episode > 0
    window up_to as (partition by e.alert_id, e.episode order by e.usage_date)
),

found as materialized (
    select
        s.*,
        case when s.is_spike then 'firing' else 'ended' end as phase
    from spans as s
    where
        s.usage_date >= %(first_day)s::date
        and s.is_spike <> s.was_spike
        and s.began_on >= greatest(s.watches_from, s.usage_date - 63)
),

hits as materialized (
    select distinct
        f.scope_type,
        f.scope_id,
        f.usage_date
    from found as f
),

charts as materialized (
    select
        h.scope_type,
        h.scope_id,
        h.usage_date,
        jsonb_agg(jsonb_build_array(d.usage_date, round(d.cost_usd, 2)) order by d.usage_date) as series
    from hits as h
    inner join compared as d
        on
            h.scope_type = d.scope_type
            and h.scope_id = d.scope_id
            and d.usage_date between h.usage_date - 27 and h.usage_date
    where d.cost_usd is not null
    group by h.scope_type, h.scope_id, h.usage_date
),

-- a first day and those it is compared with
days_of_hits as materialized (
    select
        h.*,
        f.usage_date as cost_date,
        case when f.usage_date = h.usage_date then 1 else 0 end as is_it,
        case
            when f.usage_date < h.usage_date
                then 1.0 / (count(*) over (partition by h.scope_type, h.scope_id, h.usage_date) - 1)
            else 0
        end as weight
    from (
        select distinct
            o.scope_type,
            o.scope_id,
            o.usage_date
        from found as o
        where o.phase = 'firing'
    ) as h
    inner join known as f
        on
            not f.is_provisional
            and f.usage_date in (
                h.usage_date, h.usage_date - 7, h.usage_date - 14, h.usage_date - 21, h.usage_date - 28
            )
),

costs as materialized (
    select
        d.usage_date,
        d.team_id,
        d.sku_name,
        d.cost_usd,
        k.workspace_id,
        k.product,
        k.job_id,
        k.job_name,
        k.pipeline_id,
        k.warehouse_id,
        k.endpoint_name,
        k.cluster_id,
        k.tags
    from costpulse.daily_key_costs as d
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    where
        d.usage_date between (select min(h.cost_date) from days_of_hits as h)
        and (select max(h.cost_date) from days_of_hits as h)
        and (select jsonb_object_agg(h.cost_date, null) from days_of_hits as h) ? d.usage_date::text
),

of_scopes as (
    select
        r.scope_type,
        r.scope_id,
        c.*
    from costs as c
    cross join
        lateral (
            values
            ('everything', ''),
            ('workspace', coalesce(c.workspace_id, '')),
            ('product', c.product),
            ('sku', c.sku_name),
            ('job', coalesce(c.workspace_id, '') || '/' || c.job_id),
            ('warehouse', coalesce(c.workspace_id, '') || '/' || c.warehouse_id),
            (
                'cluster',
                case
                    when c.product = 'ALL_PURPOSE' and c.job_id is null and c.pipeline_id is null
                        then coalesce(c.workspace_id, '') || '/' || c.cluster_id
                end
            )
        ) as r (scope_type, scope_id)
    union all
    select
        'team' as scope_type,
        coalesce(b.scope_team_id::text, 'unallocated') as scope_id,
        c.*
    from costs as c
    left join costpulse.team_scopes as b on c.team_id = b.team_id
    where
        exists (select from days_of_hits as h where h.scope_type = 'team')
        and (c.team_id is null) = (b.scope_team_id is null)
    union all
    select
        'tag' as scope_type,
        t.key || '=' || t.value as scope_id,
        c.*
    from costs as c
    cross join lateral jsonb_each_text(c.tags) as t
    where exists (select from days_of_hits as h where h.scope_type = 'tag') and strpos(t.key, '=') = 0
),

-- what a scope is made of: what runs, or of one thing that runs, its SKUs; against its mean on the days compared with
parts as (
    select
        h.scope_type,
        h.scope_id,
        h.usage_date,
        p.kind,
        c.workspace_id,
        n.part_id,
        max(case when p.kind = 'job' then c.job_name end) as job_name,
        sum(c.cost_usd * h.is_it) as cost_usd,
        sum(c.cost_usd * h.weight) as usual_usd
    from days_of_hits as h
    inner join of_scopes as c
        on h.scope_type = c.scope_type and h.scope_id = c.scope_id and h.cost_date = c.usage_date
    cross join
        lateral (
            select
                case
                    when h.scope_type in ('job', 'warehouse', 'cluster') then 'SKU'
                    when c.job_id is not null then 'job'
                    when c.pipeline_id is not null then 'pipeline'
                    when c.warehouse_id is not null then 'warehouse'
                    when c.endpoint_name is not null then 'endpoint'
                    when c.cluster_id is not null then 'cluster'
                    else 'product'
                end as kind
        ) as p
    cross join
        lateral (
            select
                case p.kind
                    when 'SKU' then c.sku_name
                    when 'job' then c.job_id
                    when 'pipeline' then c.pipeline_id
                    when 'warehouse' then c.warehouse_id
                    when 'endpoint' then c.endpoint_name
                    when 'cluster' then c.cluster_id
                    else c.product
                end as part_id
        ) as n
    group by h.scope_type, h.scope_id, h.usage_date, p.kind, c.workspace_id, n.part_id
    having sum(c.cost_usd * h.is_it) > sum(c.cost_usd * h.weight)
),

ranked as (
    select
        p.*,
        row_number() over (
            partition by p.scope_type, p.scope_id, p.usage_date
            order by p.cost_usd - p.usual_usd desc, p.kind asc, p.part_id asc
        ) as place
    from parts as p
),

main_causes as materialized (
    select
        r.scope_type,
        r.scope_id,
        r.usage_date,
        jsonb_agg(
            jsonb_build_object(
                'kind', r.kind,
                'name', coalesce(called.name, r.job_name, r.part_id),
                'usd', round(r.cost_usd - r.usual_usd, 2),
                'note', case when r.usual_usd = 0 then 'new' else '' end
            )
            order by r.place
        ) as causes
    from ranked as r
    -- as it was called then; before its first known name it goes by that one
    left join lateral (
        select n.name
        from costpulse.resource_names as n
        where
            n.resource_type = r.kind
            and n.workspace_id = coalesce(r.workspace_id, '')
            and n.resource_id = r.part_id
            and n.name is not null
        order by n.valid_from <= r.usage_date desc, abs(n.valid_from - r.usage_date)
        limit 1
    ) as called on true
    where r.place <= 3
    group by r.scope_type, r.scope_id, r.usage_date
)

select
    f.alert_id,
    f.scope_type,
    f.scope_id,
    case when f.scope_type = 'team' and f.scope_id <> 'unallocated' then f.scope_id::bigint end as team_id,
    'spike:' || f.began_on as subject,
    null::numeric as threshold,
    f.phase,
    0 as reminder,
    f.usage_date as occurred_on,
    f.cost_usd as current_value,
    f.usual_usd as expected_value,
    jsonb_build_object(
        'day', f.usage_date,
        'cost_usd', round(f.cost_usd, 2),
        'usual_usd', round(f.usual_usd, 2),
        'above_usd', round(f.cost_usd - f.usual_usd, 2),
        'above_percent', round((f.cost_usd - f.usual_usd) / nullif(f.usual_usd, 0) * 100, 2),
        'limit_percent', f.threshold_value,
        'first_day', f.began_on,
        'last_day', f.lasted_until,
        'days', f.days,
        'extra_usd', round(f.extra_usd, 2),
        'teams', (
            select jsonb_agg(b.team_id order by b.team_id) from costpulse.team_scopes as b
            where f.scope_type = 'team' and f.scope_id = b.scope_team_id::text
        ),
        'causes', coalesce(m.causes, '[]'),
        'series', c.series
    ) as evidence
from found as f
left join charts as c
    on f.scope_type = c.scope_type and f.scope_id = c.scope_id and f.usage_date = c.usage_date
left join main_causes as m
    on
        f.scope_type = m.scope_type and f.scope_id = m.scope_id and f.usage_date = m.usage_date
        and f.phase = 'firing'
order by f.usage_date, f.alert_id
