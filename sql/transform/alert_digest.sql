-- digest x period that is over: what the period cost against the one before and why, what was not normal in it, where
-- budgets stood at its end, which savings were found in it, and how fresh the data is. A period that was told is left
-- out, whatever its alert watched then: nobody wants an old digest again, and nothing is computed for nothing.
with asked as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        a.watches_from,
        a.every
    from jsonb_to_recordset(%(alerts)s::jsonb) as a (
        alert_id bigint, scope_type text, scope_id text, watches_from date, every text
    )
),

-- A day is compared with the same weekday of the week before: weekends cost less than Fridays, which says nothing.
periods as (
    select
        p.every,
        p.first_day,
        p.last_day,
        p.then_first,
        p.then_last
    from generate_series(%(first_day)s::date, %(last_day)s::date, interval '1 day') as d (moment)
    cross join lateral (select d.moment::date as day) as e
    cross join
        lateral (
            values
            ('daily', e.day, e.day, e.day - 7, e.day - 7, true),
            ('weekly', e.day - 6, e.day, e.day - 13, e.day - 7, extract(isodow from e.day) = 7),
            (
                'monthly',
                date_trunc('month', d.moment)::date,
                e.day,
                (date_trunc('month', d.moment) - interval '1 month')::date,
                date_trunc('month', d.moment)::date - 1,
                extract(day from e.day + 1) = 1
            )
        ) as p (every, first_day, last_day, then_first, then_last, is_over)
    where p.is_over
),

final_periods as (
    select p.*
    from periods as p
    inner join costpulse.completeness as c on p.last_day = c.usage_date and not c.is_provisional
    where
        not exists (
            select from costpulse.completeness as i
            where i.usage_date between p.first_day and p.last_day and i.is_provisional
        )
),

wanted as (
    select
        a.alert_id,
        a.scope_type,
        a.scope_id,
        p.*,
        'digest:' || p.every || ':' || p.first_day as subject
    from asked as a
    inner join final_periods as p on a.every = p.every and a.watches_from <= p.last_day
    where
        not exists (
            select from costpulse.alert_history as h
            where h.alert_id = a.alert_id and h.subject = 'digest:' || p.every || ':' || p.first_day
        )
),

-- scope x period, however many alerts ask for it
digests as materialized (
    select
        w.*,
        row_number() over (order by w.scope_type, w.scope_id, w.every, w.first_day) as digest_no,
        dense_rank() over (order by w.every, w.first_day) as window_no
    from (
        select distinct
            a.scope_type,
            a.scope_id,
            a.every,
            a.first_day,
            a.last_day,
            a.then_first,
            a.then_last
        from wanted as a
    ) as w
),

halves as (
    select distinct
        d.window_no,
        'then' as half,
        d.then_first as first_day,
        d.then_last as last_day
    from digests as d
    union all
    select distinct
        d.window_no,
        'now' as half,
        d.first_day,
        d.last_day
    from digests as d
),

-- days that are not there or not final
unknown_days as (
    select
        h.window_no,
        h.half,
        count(*) as all_days,
        coalesce(
            jsonb_agg(s.moment::date order by s.moment) filter (where c.is_provisional is not false), '[]'
        ) as days
    from halves as h
    cross join lateral generate_series(h.first_day, h.last_day, interval '1 day') as s (moment)
    left join costpulse.completeness as c on c.usage_date = s.moment::date
    group by h.window_no, h.half
),

-- scope x whose cost it counts
owners as (
    select
        b.scope_team_id::text as scope_id,
        b.team_id::text as owner
    from costpulse.team_scopes as b
    union all
    select
        'unallocated' as scope_id,
        'unallocated' as owner
),

team_days as (
    select
        c.usage_date,
        coalesce(c.team_id::text, 'unallocated') as owner,
        c.product,
        sum(c.cost_usd) as cost
    from costpulse.daily_team_costs as c
    -- no period reaches further back
    where c.usage_date between %(first_day)s::date - 61 and %(last_day)s::date
    group by c.usage_date, c.team_id, c.product
),

-- digest x whose cost it counts: of everything all who have cost
counted as materialized (
    select
        d.digest_no,
        d.window_no,
        o.owner
    from digests as d
    inner join owners as o on d.scope_type = 'team' and d.scope_id = o.scope_id
    union all
    select
        d.digest_no,
        d.window_no,
        a.owner
    from digests as d
    cross join (select distinct t.owner from team_days as t) as a
    where d.scope_type = 'everything'
),

spent as (
    select
        d.digest_no,
        t.owner,
        t.product,
        coalesce(sum(t.cost) filter (where t.usage_date >= d.first_day), 0) as now_usd,
        coalesce(sum(t.cost) filter (where t.usage_date <= d.then_last), 0) as then_usd
    from digests as d
    inner join counted as o on d.digest_no = o.digest_no
    inner join team_days as t
        on
            o.owner = t.owner
            and (
                t.usage_date between d.first_day and d.last_day
                or t.usage_date between d.then_first and d.then_last
            )
    group by d.digest_no, t.owner, t.product
),

totals as (
    select
        d.digest_no,
        coalesce(sum(s.now_usd), 0) as now_usd,
        case when u.days = '[]' then coalesce(sum(s.then_usd), 0) end as then_usd,
        u.days as then_unknown
    from digests as d
    inner join unknown_days as u on d.window_no = u.window_no and u.half = 'then'
    left join spent as s on d.digest_no = s.digest_no
    group by d.digest_no, u.days
),

-- the largest teams and products of a digest; what is missing to its total is that of all others
shares as (
    select
        r.digest_no,
        r.dimension,
        count(*) as values_found,
        jsonb_agg(
            jsonb_build_object('name', r.name, 'usd', r.now_usd::text, 'before_usd', r.then_usd::text)
            order by r.place
        ) filter (where r.place <= 5) as largest
    from (
        select
            g.*,
            row_number() over (
                partition by g.digest_no, g.dimension
                order by greatest(g.now_usd, g.then_usd) desc, g.now_usd desc, g.name asc
            ) as place
        from (
            select
                s.digest_no,
                v.dimension,
                v.name,
                sum(s.now_usd) as now_usd,
                sum(s.then_usd) as then_usd
            from spent as s
            left join costpulse.teams as t on s.owner = t.id::text
            cross join
                lateral (
                    values
                    ('team', coalesce(t.name, case when s.owner = 'unallocated' then 'Unallocated' end, s.owner)),
                    ('product', s.product)
                ) as v (dimension, name)
            group by s.digest_no, v.dimension, v.name
        ) as g
        where g.now_usd <> 0 or g.then_usd <> 0
    ) as r
    group by r.digest_no, r.dimension
),

-- the chart: both periods, or two weeks where they are shorter
series as (
    select
        g.digest_no,
        jsonb_agg(jsonb_build_array(g.usage_date, g.cost::text) order by g.usage_date) as points
    from (
        select
            d.digest_no,
            c.usage_date,
            coalesce(sum(t.cost), 0) as cost
        from digests as d
        inner join costpulse.completeness as c
            on
                c.usage_date between least(d.then_first, d.last_day - 13) and d.last_day
                and not c.is_provisional
        left join counted as o on d.digest_no = o.digest_no
        left join team_days as t on c.usage_date = t.usage_date and o.owner = t.owner
        group by d.digest_no, c.usage_date
    ) as g
    group by g.digest_no
),

-- why: of a month as change_bridge says it, if it is made of the same cost
bridged as (
    select
        d.digest_no,
        b.part,
        b.amount_usd as amount,
        (b.detail ->> 'causes')::bigint as causes,
        b.detail -> 'largest' as largest
    from digests as d
    inner join totals as t on d.digest_no = t.digest_no
    inner join costpulse.change_bridge as b
        on
            d.every = 'monthly'
            and b.comparison = 'last month'
            and d.scope_type = b.scope_type
            and d.scope_id = b.scope_id
            and d.first_day = b.now_first
            and d.last_day = b.now_last
            and d.then_first = b.then_first
            and d.then_last = b.then_last
            and t.now_usd = b.now_usd
            and t.then_usd = b.then_usd
),

-- Otherwise by the same idea from the roll-ups: corrections and the mix of SKUs are not told apart there, they are in
-- price and volume. Compared is what a resource uses of a SKU in a unit.
compared as (
    select d.*
    from digests as d
    inner join totals as t on d.digest_no = t.digest_no
    where t.then_usd is not null and d.digest_no not in (select b.digest_no from bridged as b)
),

used as (
    select
        h.window_no,
        k.key_id,
        k.sku_name,
        k.usage_unit,
        k.team_id,
        coalesce(sum(k.cost_usd) filter (where h.half = 'then'), 0) as then_cost,
        coalesce(sum(k.cost_usd) filter (where h.half = 'now'), 0) as now_cost,
        sum(k.usage_quantity - k.unpriced_quantity) filter (where h.half = 'then') as then_priced,
        sum(k.usage_quantity - k.unpriced_quantity) filter (where h.half = 'now') as now_priced
    from halves as h
    inner join costpulse.daily_key_costs as k on k.usage_date between h.first_day and h.last_day
    where
        h.window_no in (select c.window_no from compared as c)
        and k.usage_date between %(first_day)s::date - 61 and %(last_day)s::date
    group by h.window_no, k.key_id, k.sku_name, k.usage_unit, k.team_id
),

resources as (
    select
        k.key_id,
        case
            when k.job_id is not null then 'job'
            when k.pipeline_id is not null then 'pipeline'
            when k.warehouse_id is not null then 'warehouse'
            when k.endpoint_name is not null then 'endpoint'
            when k.cluster_id is not null then 'cluster'
            when k.resource_id is not null then coalesce(k.resource_type, 'resource')
            when k.user_email is not null then 'user'
            else 'product'
        end as resource_type,
        coalesce(k.workspace_id, '') || '/' || coalesce(
            k.job_id, k.pipeline_id, k.warehouse_id, k.endpoint_name, k.cluster_id, k.resource_id, k.user_email,
            k.product
        ) as resource_id
    from costpulse.cost_keys as k
    where k.key_id in (select u.key_id from used as u)
),

owned as (
    select
        u.window_no,
        r.resource_type,
        r.resource_id,
        u.sku_name,
        u.usage_unit,
        coalesce(u.team_id::text, 'unallocated') as owner,
        sum(u.then_cost) as then_cost,
        sum(u.now_cost) as now_cost,
        sum(u.then_priced) as then_priced,
        sum(u.now_priced) as now_priced
    from used as u
    inner join resources as r on u.key_id = r.key_id
    group by u.window_no, r.resource_type, r.resource_id, u.sku_name, u.usage_unit, u.team_id
),

-- a line of usage as a whole, whoever owns it
lines as (
    select
        o.*,
        sum(o.then_cost) over line as then_whole,
        sum(o.now_cost) over line as now_whole,
        sum(o.then_priced) over line as then_quantity,
        sum(o.now_priced) over line as now_quantity,
        bool_or(o.then_priced is not null) over resource as in_then,
        bool_or(o.now_priced is not null) over resource as in_now
    from owned as o
    window
        line as (partition by o.window_no, o.resource_type, o.resource_id, o.sku_name, o.usage_unit),
        resource as (partition by o.window_no, o.resource_type, o.resource_id)
),

held as (
    select
        c.digest_no,
        c.scope_type,
        l.resource_type,
        l.resource_id,
        l.sku_name,
        l.usage_unit,
        sum(l.then_cost) as then_cost,
        sum(l.now_cost) as now_cost,
        min(l.then_whole) as then_whole,
        min(l.now_whole) as now_whole,
        min(l.then_quantity) as then_quantity,
        min(l.now_quantity) as now_quantity,
        bool_or(l.in_then) as in_then,
        bool_or(l.in_now) as in_now
    from compared as c
    inner join counted as o on c.digest_no = o.digest_no
    inner join lines as l on c.window_no = l.window_no and o.owner = l.owner
    group by c.digest_no, c.scope_type, l.resource_type, l.resource_id, l.sku_name, l.usage_unit
),

-- which share of the line the scope has: of another one than a team's, all of it
shared as (
    select
        h.*,
        case
            when h.scope_type = 'everything' then 1
            when h.then_whole <> 0 then greatest(least(h.then_cost / h.then_whole, 1), 0)
        end as then_share,
        case
            when h.scope_type = 'everything' then 1
            when h.now_whole <> 0 then greatest(least(h.now_cost / h.now_whole, 1), 0)
        end as now_share
    from held as h
),

-- what the scope would have had in both periods with its mean share; what differs by less than a billionth is rounded
-- otherwise, not moved
kept as materialized (
    select
        s.*,
        coalesce((s.then_share + s.now_share) / 2, s.then_share, s.now_share, 0) as share,
        case
            when s.in_then and s.in_now and abs(s.now_share - s.then_share) >= 1e-9
                then
                    round((s.then_share + s.now_share) / 2 * s.now_whole, 18)
                    - round((s.then_share + s.now_share) / 2 * s.then_whole, 18)
            else s.now_cost - s.then_cost
        end as change
    from shared as s
),

-- once: each of its many digits would be computed wherever a part needs them
priced as materialized (
    select
        k.*,
        case
            when not (k.in_then and k.in_now) then 0
            -- it had no price in one of the periods
            when (k.then_quantity = 0) <> (k.now_quantity = 0) and (k.then_cost = 0) <> (k.now_cost = 0)
                then k.change
            else
                coalesce(
                    round(
                        k.share * costpulse.rate_effect(k.then_quantity, k.then_whole, k.now_quantity, k.now_whole), 18
                    ),
                    0
                )
        end as price
    from kept as k
),

parts as (
    select
        r.digest_no,
        p.part,
        p.cause_type,
        p.cause_id,
        sum(p.amount) as amount
    from priced as r
    cross join
        lateral (
            values
            ('new', r.resource_type, r.resource_id, case when not r.in_then then r.change else 0 end),
            ('ended', r.resource_type, r.resource_id, case when r.in_then and not r.in_now then r.change else 0 end),
            ('price', 'sku', r.sku_name, r.price),
            (
                'volume', r.resource_type, r.resource_id,
                case when r.in_then and r.in_now then r.change - r.price else 0 end
            ),
            ('ownership', r.resource_type, r.resource_id, r.now_cost - r.then_cost - r.change)
        ) as p (part, cause_type, cause_id, amount)
    where p.amount <> 0
    group by r.digest_no, p.part, p.cause_type, p.cause_id
),

rolled_up as (
    select
        r.digest_no,
        r.part,
        sum(r.amount) as amount,
        count(*) as causes,
        jsonb_agg(
            jsonb_build_object('type', r.cause_type, 'id', r.cause_id, 'amount_usd', r.amount::text) order by r.place
        ) filter (where r.place <= 3) as largest
    from (
        select
            p.*,
            row_number() over (
                partition by p.digest_no, p.part order by abs(p.amount) desc, p.cause_type asc, p.cause_id asc
            ) as place
        from parts as p
        where p.amount <> 0
    ) as r
    group by r.digest_no, r.part
),

reasons as (
    select
        b.digest_no,
        b.part,
        b.amount,
        b.causes,
        b.largest
    from bridged as b
    union all
    select
        u.digest_no,
        u.part,
        u.amount,
        u.causes,
        u.largest
    from rolled_up as u
),

causes as (
    select
        r.digest_no,
        r.part,
        c.place,
        c.cause ->> 'type' as type,
        c.cause ->> 'id' as id,
        c.cause ->> 'amount_usd' as usd
    from reasons as r
    cross join lateral jsonb_array_elements(r.largest) with ordinality as c (cause, place)
    where c.place <= 3
),

-- of a team: events of which a tenth or more is its
events as (
    select
        g.*,
        row_number() over (partition by g.digest_no order by abs(g.part_usd) desc, g.id asc) as place
    from (
        select
            d.digest_no,
            a.id,
            a.scope_type,
            a.scope_id,
            a.kind,
            a.severity,
            a.start_date,
            a.end_date,
            a.impact_usd,
            case when d.scope_type = 'everything' then a.impact_usd else p.usd end as part_usd
        from digests as d
        inner join costpulse.anomalies as a
            on
                d.last_day >= a.recognised_on
                and d.last_day >= a.start_date
                and (a.end_date is null or d.first_day <= a.end_date)
                and a.parent_id is null
                and (a.status in ('open', 'acknowledged') or a.resolution = 'fixed')
        left join lateral (
            select sum(c.difference_usd) as usd
            from costpulse.anomaly_causes as c
            inner join owners as o on c.value_id = o.owner
            where c.anomaly_id = a.id and c.dimension = 'team' and o.scope_id = d.scope_id
        ) as p on true
        where d.scope_type = 'everything' or abs(p.usd) >= abs(a.impact_usd) / 10
    ) as g
),

-- everything that is called by a name: cause or scope of an event
things as (
    select
        c.type,
        c.id
    from causes as c
    union
    select
        e.scope_type as type,
        e.scope_id as id
    from events as e
    where e.place <= 5
),

job_names as (
    select
        t.id,
        max(k.job_name) as name
    from things as t
    inner join costpulse.cost_keys as k
        on
            t.type = 'job'
            and k.job_id = substring(t.id from position('/' in t.id) + 1)
            and coalesce(k.workspace_id, '') = split_part(t.id, '/', 1)
    group by t.id
),

named as (
    select
        t.type,
        t.id,
        case t.type
            when 'everything' then 'everything'
            when 'team' then coalesce(m.name, initcap(t.id))
            when 'workspace' then coalesce(w.name, nullif(t.id, ''), 'the account itself')
            when 'sku' then t.id
            else
                coalesce(
                    n.name,
                    j.name,
                    case
                        when position('/' in t.id) > 0 then substring(t.id from position('/' in t.id) + 1) else t.id
                    end
                )
        end as name
    from things as t
    left join costpulse.teams as m on t.type = 'team' and t.id = m.id::text
    left join costpulse.workspaces as w on t.type = 'workspace' and t.id = w.workspace_id
    left join costpulse.resource_names as n
        on
            t.type = n.resource_type
            and n.workspace_id = split_part(t.id, '/', 1)
            and n.resource_id = substring(t.id from position('/' in t.id) + 1)
            and n.valid_to is null
    left join job_names as j on t.type = 'job' and t.id = j.id
),

why as (
    select
        r.digest_no,
        jsonb_agg(
            jsonb_build_object(
                'part', r.part, 'usd', r.amount::text, 'causes', r.causes, 'largest', coalesce(l.largest, '[]')
            )
            order by abs(r.amount) desc, r.part
        ) as parts
    from reasons as r
    left join lateral (
        select
            jsonb_agg(
                jsonb_build_object('kind', c.type, 'name', n.name, 'usd', c.usd) order by c.place
            ) as largest
        from causes as c
        inner join named as n on c.type = n.type and c.id = n.id
        where c.digest_no = r.digest_no and c.part = r.part
    ) as l on true
    where r.amount <> 0
    group by r.digest_no
),

unusual as (
    select
        e.digest_no,
        count(*) as events,
        jsonb_agg(
            jsonb_build_object(
                'id', e.id,
                'scope', e.scope_type,
                'name', n.name,
                'kind', e.kind,
                'severity', e.severity,
                'first_day', e.start_date,
                'last_day', case when e.end_date <= d.last_day then e.end_date end,
                'usd', e.part_usd::text,
                'whole_usd', e.impact_usd::text,
                'main_kind', c.dimension,
                'main_name', coalesce(c.name, c.value_id)
            )
            order by e.place
        ) filter (where e.place <= 5) as largest
    from events as e
    inner join digests as d on e.digest_no = d.digest_no
    left join named as n on e.scope_type = n.type and e.scope_id = n.id
    left join costpulse.anomaly_causes as c on e.id = c.anomaly_id and c.is_main
    group by e.digest_no
),

-- where a budget stood with the days up to the last one: as it is now, or as it was expected then
budget_views as (
    select
        s.budget_id,
        s.amount,
        s.period_start,
        s.period_end,
        s.data_until,
        s.spent_usd,
        s.projected_usd,
        s.probability_exceeded,
        s.breach_date,
        s.state = 'ended' as is_over,
        0 as preference
    from costpulse.budget_status as s
    where s.state <> 'future'
    union all
    select
        p.budget_id,
        p.amount,
        p.period_start,
        p.period_end,
        p.data_until,
        p.spent_usd,
        p.projected_usd,
        p.probability_exceeded,
        null as breach_date,
        false as is_over,
        1 as preference
    from costpulse.budget_probabilities as p
),

budget_standings as (
    select distinct on (d.digest_no, b.id)
        d.digest_no,
        b.id,
        b.name,
        v.amount,
        v.period_start,
        v.period_end,
        v.data_until,
        v.spent_usd,
        v.projected_usd,
        v.probability_exceeded,
        v.breach_date,
        v.is_over
    from digests as d
    inner join costpulse.budgets as b
        on
            b.is_active
            and (
                d.scope_type = 'everything'
                or (
                    b.scope_type = 'team'
                    and b.scope_id in (select o.owner from owners as o where o.scope_id = d.scope_id)
                )
            )
    inner join budget_views as v
        on
            b.id = v.budget_id
            and d.last_day between v.period_start and v.period_end
            and d.last_day >= v.data_until
    order by d.digest_no asc, b.id asc, v.data_until desc, v.preference asc
),

landings as (
    select
        r.digest_no,
        count(*) as budgets,
        jsonb_agg(
            jsonb_build_object(
                'name', r.name,
                'amount', r.amount::text,
                'first_day', r.period_start,
                'last_day', r.period_end,
                'data_until', r.data_until,
                'spent_usd', r.spent_usd::text,
                'projected_usd', r.projected_usd::text,
                'probability', r.probability_exceeded::numeric::text,
                'breach_date', r.breach_date,
                'is_over', r.is_over
            )
            order by r.place
        ) filter (where r.place <= 5) as worst
    from (
        select
            s.*,
            row_number() over (
                partition by s.digest_no
                order by
                    s.probability_exceeded desc nulls last,
                    coalesce(s.projected_usd, s.spent_usd) / s.amount desc,
                    s.name asc
            ) as place
        from budget_standings as s
    ) as r
    group by r.digest_no
),

savings as (
    select
        f.digest_no,
        count(*) as open_count,
        sum(f.estimated_savings) as open_usd,
        count(*) filter (where f.is_new) as new_count,
        coalesce(sum(f.estimated_savings) filter (where f.is_new), 0) as new_usd,
        jsonb_agg(
            jsonb_build_object(
                'title', f.title, 'kind', f.resource_type, 'name', coalesce(f.resource_name, f.resource_id),
                'usd', f.estimated_savings::text
            )
            order by f.place
        ) filter (where f.is_new and f.place <= 3) as largest
    from (
        select
            g.*,
            row_number() over (
                partition by g.digest_no, g.is_new order by g.estimated_savings desc, g.id asc
            ) as place
        from (
            select
                d.digest_no,
                r.id,
                r.title,
                r.resource_type,
                r.resource_name,
                r.resource_id,
                r.estimated_savings,
                (r.found_first_at at time zone 'UTC')::date between d.first_day and d.last_day as is_new
            from digests as d
            inner join costpulse.recommendations as r
                on
                    r.status in ('open', 'accepted')
                    and r.estimated_savings > 0
                    and d.last_day >= (r.found_first_at at time zone 'UTC')::date
            left join owners as o
                on d.scope_id = o.scope_id and coalesce(r.team_id::text, 'unallocated') = o.owner
            where d.scope_type = 'everything' or o.owner is not null
        ) as g
    ) as f
    group by f.digest_no
),

unpriced as (
    select
        d.digest_no,
        count(distinct c.sku_name) as skus
    from digests as d
    inner join costpulse.daily_costs as c
        on c.usage_date between d.first_day and d.last_day and c.unpriced_quantity <> 0
    left join owners as o on d.scope_id = o.scope_id and coalesce(c.team_id::text, 'unallocated') = o.owner
    where
        (d.scope_type = 'everything' or o.owner is not null)
        and c.usage_date between %(first_day)s::date - 61 and %(last_day)s::date
    group by d.digest_no
),

freshness as (
    select
        f.newest_day,
        f.newest_final_day,
        f.in_until,
        f.read_at,
        coalesce(f.not_read, '[]') as not_read
    from (
        select
            (select max(c.usage_date) from costpulse.completeness as c) as newest_day,
            (select max(c.usage_date) from costpulse.completeness as c where not c.is_provisional) as newest_final_day,
            (select max(c.in_until) from costpulse.completeness as c) as in_until,
            (select max(d.collected_at) from costpulse.collected_days as d where d.source = 'cost_records') as read_at,
            (
                select
                    jsonb_agg(
                        jsonb_build_object(
                            'source', s.source, 'connection', s.connection, 'state', s.state,
                            'succeeded_at', s.succeeded_at
                        )
                        order by s.source, s.connection
                    )
                from costpulse.collection_status as s
                where s.state <> 'ok'
            ) as not_read
    ) as f
)

select
    w.alert_id,
    w.scope_type,
    w.scope_id,
    m.id as team_id,
    w.subject,
    null::numeric as threshold,
    'firing' as phase,
    0 as reminder,
    w.last_day as occurred_on,
    t.now_usd as current_value,
    t.then_usd as expected_value,
    jsonb_build_object(
        'every', w.every,
        'first_day', w.first_day,
        'last_day', w.last_day,
        'before_first', w.then_first,
        'before_last', w.then_last,
        'spent_usd', t.now_usd::text,
        'before_usd', t.then_usd::text,
        'before_unknown_days', t.then_unknown,
        'unknown_days', u.days,
        'teams', g.teams,
        'by_team', coalesce(st.largest, '[]'),
        'team_count', coalesce(st.values_found, 0),
        'by_product', coalesce(sp.largest, '[]'),
        'product_count', coalesce(sp.values_found, 0),
        'why', coalesce(y.parts, '[]'),
        'anomalies', coalesce(n.largest, '[]'),
        'anomaly_count', coalesce(n.events, 0),
        'budgets', coalesce(l.worst, '[]'),
        'budget_count', coalesce(l.budgets, 0)
    ) || jsonb_build_object(
        'savings', coalesce(v.largest, '[]'),
        'savings_count', coalesce(v.new_count, 0),
        'savings_usd', coalesce(v.new_usd, 0)::text,
        'open_savings_count', coalesce(v.open_count, 0),
        'open_savings_usd', coalesce(v.open_usd, 0)::text,
        'skus_without_price', coalesce(p.skus, 0),
        'newest_day', f.newest_day,
        'newest_final_day', f.newest_final_day,
        'in_until', f.in_until,
        'read_at', f.read_at,
        'not_read', f.not_read,
        'series', coalesce(r.points, '[]')
    ) as evidence
from wanted as w
inner join digests as d
    on
        w.scope_type = d.scope_type
        and w.scope_id = d.scope_id
        and w.every = d.every
        and w.first_day = d.first_day
inner join totals as t on d.digest_no = t.digest_no
inner join unknown_days as u on d.window_no = u.window_no and u.half = 'now'
cross join freshness as f
left join costpulse.teams as m on w.scope_type = 'team' and w.scope_id = m.id::text
left join (
    select
        o.scope_id,
        jsonb_agg(o.owner order by o.owner) as teams
    from owners as o
    where o.owner <> 'unallocated'
    group by o.scope_id
) as g on w.scope_id = g.scope_id
left join shares as st on d.digest_no = st.digest_no and st.dimension = 'team'
left join shares as sp on d.digest_no = sp.digest_no and sp.dimension = 'product'
left join why as y on d.digest_no = y.digest_no
left join unusual as n on d.digest_no = n.digest_no
left join landings as l on d.digest_no = l.digest_no
left join savings as v on d.digest_no = v.digest_no
left join unpriced as p on d.digest_no = p.digest_no
left join series as r on d.digest_no = r.digest_no
order by w.last_day, w.alert_id
