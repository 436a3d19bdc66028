-- One row per alert and thing that began to cost: on the final day, of its first seven, on which its cost so far
-- reached the limit. What lies in a new workspace or product that is told as well is told with it.
with asked as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.threshold_value,
        a.watches_from,
        a.kinds
    from jsonb_to_recordset(%(alerts)s::jsonb) as a (
        alert_id bigint, scope_type text, scope_id text, threshold_value numeric, watches_from date, kinds text[]
    )
),

-- jobs, warehouses and endpoints by the keys they have on the bill
resources as (
    select
        v.kind,
        v.id,
        k.key_id,
        k.first_usage_date
    from costpulse.cost_keys as k
    cross join
        lateral (
            values
            ('job', coalesce(k.workspace_id, '') || '/' || k.job_id),
            ('warehouse', coalesce(k.workspace_id, '') || '/' || k.warehouse_id),
            ('endpoint', coalesce(k.workspace_id, '') || '/' || k.endpoint_name)
        ) as v (kind, id)
    where v.id is not null
),

new_keys as materialized (
    select
        r.kind,
        r.id,
        r.key_id
    from resources as r
    inner join (
        select
            o.kind,
            o.id
        from resources as o
        group by o.kind, o.id
        having min(o.first_usage_date) >= %(first_day)s::date - 6
    ) as n on r.kind = n.kind and r.id = n.id
    where r.first_usage_date >= %(first_day)s::date - 6
),

-- by day; `inside` is what a thing lies in
costs as materialized (
    select
        'workspace' as kind,
        d.workspace_id as id,
        null as inside,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_workspace_costs as d
    where d.workspace_id is not null
    group by d.workspace_id, d.usage_date
    union all
    select
        'product' as kind,
        d.product as id,
        null as inside,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_workspace_costs as d
    group by d.product, d.usage_date
    union all
    select
        'sku' as kind,
        d.sku_name as id,
        min(d.product) as inside,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_sku_costs as d
    group by d.sku_name, d.usage_date
    union all
    select
        k.kind,
        k.id,
        split_part(k.id, '/', 1) as inside,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from new_keys as k
    inner join costpulse.daily_key_costs as d on k.key_id = d.key_id
    group by k.kind, k.id, d.usage_date
),

-- What is there when the history begins, or soon after as monthly jobs are, is not new.
firsts as (
    select
        c.kind,
        c.id,
        min(c.inside) as inside,
        min(c.usage_date) as first_date
    from costs as c
    where c.cost_usd > 0
    group by c.kind, c.id
    having
        min(c.usage_date) between %(first_day)s::date - 6 and %(last_day)s
        and min(c.usage_date) >= (select min(o.usage_date) + 35 from costpulse.completeness as o)
),

days as materialized (
    select
        f.kind,
        f.id,
        f.inside,
        f.first_date,
        c.usage_date,
        c.cost_usd,
        sum(c.cost_usd) over (partition by f.kind, f.id order by c.usage_date) as so_far
    from firsts as f
    inner join costs as c
        on f.kind = c.kind and f.id = c.id and c.usage_date between f.first_date and f.first_date + 6
    inner join costpulse.completeness as o on c.usage_date = o.usage_date and not o.is_provisional
),

reached as (
    select
        a.alert_id,
        a.scope_type as alert_scope_type,
        a.scope_id as alert_scope_id,
        a.watches_from,
        a.threshold_value,
        d.kind,
        d.id,
        d.inside,
        d.first_date,
        min(d.usage_date) as occurred_on,
        (array_agg(d.so_far order by d.usage_date))[1] as so_far
    from asked as a
    inner join days as d on d.kind = any(a.kinds) and d.so_far >= a.threshold_value
    group by
        a.alert_id, a.scope_type, a.scope_id, a.watches_from, a.threshold_value, d.kind, d.id, d.inside, d.first_date
),

-- what they cost in their first week, by team and by SKU, a SKU by workspace
parts as materialized (
    select
        f.kind,
        f.id,
        d.usage_date,
        d.team_id,
        'sku' as part_kind,
        d.sku_name as part,
        d.cost_usd
    from firsts as f
    inner join new_keys as k on f.kind = k.kind and f.id = k.id
    inner join costpulse.daily_key_costs as d
        on k.key_id = d.key_id and d.usage_date between f.first_date and f.first_date + 6
    union all
    select
        f.kind,
        f.id,
        d.usage_date,
        d.team_id,
        case when f.kind = 'sku' then 'workspace' else 'sku' end as part_kind,
        case when f.kind = 'sku' then coalesce(w.name, d.workspace_id, 'Account level') else d.sku_name end as part,
        d.cost_usd
    from firsts as f
    inner join costpulse.daily_costs as d
        on
            d.usage_date between f.first_date and f.first_date + 6
            and f.id = case f.kind
                when 'workspace' then d.workspace_id
                when 'product' then d.product
                else d.sku_name
            end
    left join costpulse.workspaces as w on d.workspace_id = w.workspace_id
    where f.kind in ('workspace', 'product', 'sku')
),

teams as materialized (
    select distinct on (r.kind, r.id, r.occurred_on)
        r.kind,
        r.id,
        r.occurred_on,
        p.team_id
    from (
        select distinct
            o.kind,
            o.id,
            o.occurred_on
        from reached as o
    ) as r
    inner join parts as p on r.kind = p.kind and r.id = p.id and p.usage_date <= r.occurred_on
    group by r.kind, r.id, r.occurred_on, p.team_id
    order by
        r.kind asc, r.id asc, r.occurred_on asc, sum(p.cost_usd) desc nulls last, p.team_id asc nulls last
),

located as (
    select
        r.*,
        t.team_id
    from reached as r
    left join teams as t on r.kind = t.kind and r.id = t.id and r.occurred_on = t.occurred_on
    where
        r.alert_scope_type = 'everything'
        or (
            r.alert_scope_type = 'workspace'
            and r.kind in ('job', 'warehouse', 'endpoint')
            and r.inside = r.alert_scope_id
        )
        or (
            r.alert_scope_type = 'team'
            and (
                (t.team_id is null and r.alert_scope_id = 'unallocated')
                or t.team_id in (
                    select b.team_id from costpulse.team_scopes as b where b.scope_team_id::text = r.alert_scope_id
                )
            )
        )
),

told as (
    select l.*
    from located as l
    where
        l.occurred_on between greatest(l.watches_from, %(first_day)s) and %(last_day)s
        and not exists (
            select
            from located as o
            where
                o.alert_id = l.alert_id
                and o.kind = case when l.kind = 'sku' then 'product' else 'workspace' end
                and o.id = l.inside
                and o.first_date between l.first_date - 6 and l.first_date
                and o.occurred_on >= o.watches_from
        )
        and not exists (
            select
            from located as o
            inner join parts as p
                on o.kind = p.kind and o.id = p.id and p.part = l.id and p.usage_date <= l.occurred_on
            where
                l.kind = 'sku'
                and o.alert_id = l.alert_id
                and o.kind in ('job', 'warehouse', 'endpoint')
                and o.occurred_on >= o.watches_from
            group by o.kind, o.id
            having 2 * sum(p.cost_usd) >= l.so_far
        )
),

causes as materialized (
    select
        s.kind,
        s.id,
        s.occurred_on,
        jsonb_agg(
            jsonb_build_object('kind', s.part_kind, 'name', s.part, 'usd', round(s.cost_usd, 2))
            order by s.place
        ) as causes
    from (
        select
            t.kind,
            t.id,
            t.occurred_on,
            p.part_kind,
            p.part,
            sum(p.cost_usd) as cost_usd,
            row_number() over (
                partition by t.kind, t.id, t.occurred_on order by sum(p.cost_usd) desc nulls last, p.part asc
            ) as place
        from (
            select distinct
                o.kind,
                o.id,
                o.occurred_on
            from told as o
        ) as t
        inner join parts as p on t.kind = p.kind and t.id = p.id and p.usage_date <= t.occurred_on
        group by t.kind, t.id, t.occurred_on, p.part_kind, p.part
    ) as s
    where s.place <= 3 and s.cost_usd > 0
    group by s.kind, s.id, s.occurred_on
)

select
    t.alert_id,
    t.kind as scope_type,
    t.id as scope_id,
    t.team_id,
    'new:' || t.kind || ':' || t.id as subject,
    null::numeric as threshold,
    'firing' as phase,
    0 as reminder,
    t.occurred_on,
    t.so_far as current_value,
    null::numeric as expected_value,
    jsonb_build_object(
        'kind', t.kind,
        'name', case t.kind
            when 'workspace' then coalesce(w.name, t.id)
            when 'endpoint' then substring(t.id from position('/' in t.id) + 1)
            when 'job' then coalesce(n.name, substring(t.id from position('/' in t.id) + 1))
            when 'warehouse' then coalesce(n.name, substring(t.id from position('/' in t.id) + 1))
            else t.id
        end,
        'workspace', case when t.kind in ('job', 'warehouse', 'endpoint') then coalesce(i.name, t.inside) end,
        'first_date', t.first_date,
        'days', t.occurred_on - t.first_date + 1,
        'least_usd', t.threshold_value,
        'owner', case when position('@' in o.owner) > 0 then o.owner end,
        'causes', coalesce(c.causes, '[]'),
        'series', (
            select jsonb_agg(jsonb_build_array(d.usage_date, round(d.cost_usd, 2)) order by d.usage_date)
            from days as d
            where d.kind = t.kind and d.id = t.id and d.usage_date <= t.occurred_on
        )
    ) as evidence
from told as t
left join causes as c on t.kind = c.kind and t.id = c.id and t.occurred_on = c.occurred_on
left join costpulse.workspaces as w on t.kind = 'workspace' and t.id = w.workspace_id
left join costpulse.workspaces as i on t.inside = i.workspace_id
left join costpulse.resource_names as n
    on
        t.kind = n.resource_type
        and t.inside = n.workspace_id
        and substring(t.id from position('/' in t.id) + 1) = n.resource_id
        and n.valid_to is null
left join costpulse.resource_tags as o
    on
        t.kind = o.resource_type
        and t.inside = o.workspace_id
        and substring(t.id from position('/' in t.id) + 1) = o.resource_id
order by t.alert_id asc, t.occurred_on asc, t.so_far desc, t.kind asc, t.id asc
