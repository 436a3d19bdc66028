-- alert x final day on which its scope cost more than the limit
with asked as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.threshold_value,
        a.watches_from
    from jsonb_to_recordset(%(alerts)s::jsonb) as a (
        alert_id bigint,
        scope_type text,
        scope_id text,
        threshold_value numeric,
        watches_from date
    )
),

-- days that are not final: in progress, or never collected
open_days as (
    select g.usage_date::date as usage_date
    from generate_series(%(first_day)s::date - 27, %(last_day)s::date, interval '1 day') as g (usage_date)
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
        and d.usage_date between %(first_day)s::date - 27 and %(last_day)s
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
        and d.usage_date between %(first_day)s::date - 27 and %(last_day)s
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
        and d.usage_date between %(first_day)s::date - 27 and %(last_day)s
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
        and d.usage_date between %(first_day)s::date - 27 and %(last_day)s
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
        d.usage_date between %(first_day)s::date - 27 and %(last_day)s
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
        d.usage_date between %(first_day)s::date - 27 and %(last_day)s
        and d.usage_date not in (select o.usage_date from open_days as o)
    group by k.scope_type, k.scope_id, d.usage_date
),

found as materialized (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.threshold_value,
        d.usage_date,
        d.cost_usd
    from asked as a
    inner join daily as d on a.scope_type = d.scope_type and a.scope_id = d.scope_id
    where
        d.cost_usd > a.threshold_value
        and d.usage_date >= greatest(a.watches_from, %(first_day)s::date)
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
    inner join daily as d
        on
            h.scope_type = d.scope_type
            and h.scope_id = d.scope_id
            and d.usage_date between h.usage_date - 27 and h.usage_date
    where d.cost_usd is not null
    group by h.scope_type, h.scope_id, h.usage_date
),

-- what a scope is made of: what runs, or of one thing that runs, its SKUs
parts as (
    select
        h.scope_type,
        h.scope_id,
        h.usage_date,
        p.kind,
        k.workspace_id,
        n.part_id,
        max(case when p.kind = 'job' then k.job_name end) as job_name,
        sum(d.cost_usd) as cost_usd
    from hits as h
    inner join costpulse.daily_key_costs as d on h.usage_date = d.usage_date
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    cross join
        lateral (
            select
                case
                    when h.scope_type in ('job', 'warehouse', 'cluster') then 'SKU'
                    when k.job_id is not null then 'job'
                    when k.pipeline_id is not null then 'pipeline'
                    when k.warehouse_id is not null then 'warehouse'
                    when k.endpoint_name is not null then 'endpoint'
                    when k.cluster_id is not null then 'cluster'
                    else 'product'
                end as kind
        ) as p
    cross join
        lateral (
            select
                case p.kind
                    when 'SKU' then d.sku_name
                    when 'job' then k.job_id
                    when 'pipeline' then k.pipeline_id
                    when 'warehouse' then k.warehouse_id
                    when 'endpoint' then k.endpoint_name
                    when 'cluster' then k.cluster_id
                    else k.product
                end as part_id
        ) as n
    where
        case h.scope_type
            when 'everything' then true
            when 'team'
                then (
                    (h.scope_id, d.team_id) in (select
                        b.scope_team_id::text,
                        b.team_id
                    from costpulse.team_scopes as b)
                    or (h.scope_id = 'unallocated' and d.team_id is null)
                )
            when 'workspace' then h.scope_id = coalesce(k.workspace_id, '')
            when 'product' then h.scope_id = k.product
            when 'sku' then h.scope_id = d.sku_name
            when 'job' then h.scope_id = coalesce(k.workspace_id, '') || '/' || k.job_id
            when 'warehouse' then h.scope_id = coalesce(k.workspace_id, '') || '/' || k.warehouse_id
            when 'cluster'
                then (
                    h.scope_id = coalesce(k.workspace_id, '') || '/' || k.cluster_id
                    and k.product = 'ALL_PURPOSE' and k.job_id is null and k.pipeline_id is null
                )
            else k.tags ->> split_part(h.scope_id, '=', 1) = substr(h.scope_id, strpos(h.scope_id, '=') + 1)
        end
    group by h.scope_type, h.scope_id, h.usage_date, p.kind, k.workspace_id, n.part_id
    having sum(d.cost_usd) > 0
),

ranked as (
    select
        p.*,
        row_number() over (
            partition by p.scope_type, p.scope_id, p.usage_date order by p.cost_usd desc, p.kind asc, p.part_id asc
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
                'usd', round(r.cost_usd, 2),
                'note', ''
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
    'day:' || f.usage_date as subject,
    null::numeric as threshold,
    'firing' as phase,
    0 as reminder,
    f.usage_date as occurred_on,
    f.cost_usd as current_value,
    null::numeric as expected_value,
    jsonb_build_object(
        'day', f.usage_date,
        'cost_usd', round(f.cost_usd, 2),
        'limit_usd', f.threshold_value,
        'over_usd', round(f.cost_usd - f.threshold_value, 2),
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
    on f.scope_type = m.scope_type and f.scope_id = m.scope_id and f.usage_date = m.usage_date
order by f.usage_date, f.alert_id
