-- alert x closed month x day that is over: what was booked on that day for usage of the month
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

-- a line counts on the day it was booked on unless it was void by the end of it
lines as materialized (
    select
        l.month,
        l.booked_month,
        l.usage_date,
        l.kind,
        l.cause,
        l.team_id,
        l.team_name,
        l.workspace_id,
        l.product,
        l.sku_name,
        l.cost_usd,
        (l.created_at at time zone 'UTC')::date as booked_on,
        (l.voided_at at time zone 'UTC')::date as void_on
    from costpulse.statement_lines as l
    where
        l.cost_usd is not null
        and l.month in (
            select o.month from costpulse.statement_lines as o
            where
                o.kind = 'adjustment'
                and (o.created_at at time zone 'UTC')::date between %(first_day)s and %(last_day)s
        )
),

scoped as materialized (
    select
        s.scope_type,
        s.scope_id,
        l.month,
        l.booked_month,
        l.usage_date,
        l.kind,
        l.cause,
        l.team_name,
        l.sku_name,
        l.cost_usd,
        l.booked_on,
        l.void_on
    from (select distinct
        a.scope_type,
        a.scope_id
    from asked as a) as s
    inner join lines as l
        on
            case s.scope_type
                when 'everything' then true
                when 'team'
                    then (
                        (s.scope_id, l.team_id) in (
                            select
                                b.scope_team_id::text,
                                b.team_id
                            from costpulse.team_scopes as b
                        )
                        or (s.scope_id = 'unallocated' and l.team_id is null)
                    )
                when 'workspace' then s.scope_id = coalesce(l.workspace_id, '')
                when 'product' then s.scope_id = l.product
                else s.scope_id = l.sku_name
            end
),

booked as materialized (
    select
        s.scope_type,
        s.scope_id,
        s.month,
        s.booked_on,
        sum(s.cost_usd) as cost_usd,
        coalesce(sum(s.cost_usd) filter (where s.cause = 'restatement'), 0) as restatement_usd,
        coalesce(sum(s.cost_usd) filter (where s.cause = 'price'), 0) as price_usd,
        coalesce(sum(s.cost_usd) filter (where s.cause = 'rule'), 0) as rule_usd,
        max(s.booked_month) as booked_month
    from scoped as s
    where
        s.kind = 'adjustment'
        and s.booked_on between %(first_day)s and %(last_day)s
        -- more may be booked while the day lasts
        and s.booked_on < (%(now)s::timestamptz at time zone 'UTC')::date
        and coalesce(s.void_on > s.booked_on, true)
    group by s.scope_type, s.scope_id, s.month, s.booked_on
),

found as materialized (
    select
        a.alert_id,
        a.threshold_value,
        b.*
    from asked as a
    inner join booked as b on a.scope_type = b.scope_type and a.scope_id = b.scope_id
    where
        b.booked_on >= a.watches_from
        and abs(b.cost_usd) >= a.threshold_value
        and b.cost_usd <> 0
),

hits as materialized (
    select distinct
        f.scope_type,
        f.scope_id,
        f.month,
        f.booked_on
    from found as f
),

-- what the month stood at before that day
before as (
    select
        h.scope_type,
        h.scope_id,
        h.month,
        h.booked_on,
        sum(s.cost_usd) as cost_usd
    from hits as h
    inner join scoped as s
        on
            h.scope_type = s.scope_type
            and h.scope_id = s.scope_id
            and h.month = s.month
            and h.booked_on > s.booked_on
            and coalesce(s.void_on >= h.booked_on, true)
    group by h.scope_type, h.scope_id, h.month, h.booked_on
),

-- of everything its teams, else SKUs
parts as (
    select
        h.scope_type,
        h.scope_id,
        h.month,
        h.booked_on,
        case when h.scope_type = 'everything' then 'team' else 'SKU' end as kind,
        case when h.scope_type = 'everything' then coalesce(s.team_name, 'Unallocated') else s.sku_name end as name,
        sum(s.cost_usd) as cost_usd
    from hits as h
    inner join scoped as s
        on
            h.scope_type = s.scope_type
            and h.scope_id = s.scope_id
            and h.month = s.month
            and h.booked_on = s.booked_on
            and s.kind = 'adjustment'
            and coalesce(s.void_on > s.booked_on, true)
    group by
        h.scope_type,
        h.scope_id,
        h.month,
        h.booked_on,
        case when h.scope_type = 'everything' then coalesce(s.team_name, 'Unallocated') else s.sku_name end
    having sum(s.cost_usd) <> 0
),

ranked as (
    select
        p.*,
        row_number() over (
            partition by p.scope_type, p.scope_id, p.month, p.booked_on order by abs(p.cost_usd) desc, p.name asc
        ) as place
    from parts as p
),

main_causes as (
    select
        r.scope_type,
        r.scope_id,
        r.month,
        r.booked_on,
        jsonb_agg(
            jsonb_build_object('kind', r.kind, 'name', r.name, 'usd', round(r.cost_usd, 2), 'note', '')
            order by r.place
        ) as causes
    from ranked as r
    where r.place <= 3
    group by r.scope_type, r.scope_id, r.month, r.booked_on
),

by_day as (
    select
        h.scope_type,
        h.scope_id,
        h.month,
        h.booked_on,
        s.usage_date,
        sum(s.cost_usd) as cost_usd
    from hits as h
    inner join scoped as s
        on
            h.scope_type = s.scope_type
            and h.scope_id = s.scope_id
            and h.month = s.month
            and h.booked_on = s.booked_on
            and s.kind = 'adjustment'
            and coalesce(s.void_on > s.booked_on, true)
    group by h.scope_type, h.scope_id, h.month, h.booked_on, s.usage_date
),

charts as (
    select
        d.scope_type,
        d.scope_id,
        d.month,
        d.booked_on,
        jsonb_agg(jsonb_build_array(d.usage_date, round(d.cost_usd, 2)) order by d.usage_date) as series
    from by_day as d
    group by d.scope_type, d.scope_id, d.month, d.booked_on
)

select
    f.alert_id,
    f.scope_type,
    f.scope_id,
    case when f.scope_type = 'team' and f.scope_id <> 'unallocated' then f.scope_id::bigint end as team_id,
    'month:' || to_char(f.month, 'YYYY-MM') || ':' || f.booked_on as subject,
    null::numeric as threshold,
    'firing' as phase,
    0 as reminder,
    f.booked_on as occurred_on,
    f.cost_usd as current_value,
    null::numeric as expected_value,
    jsonb_build_object(
        'month', f.month,
        'booked_on', f.booked_on,
        'booked_month', f.booked_month,
        'adjusted_usd', round(f.cost_usd, 2),
        'before_usd', round(coalesce(b.cost_usd, 0), 2),
        'after_usd', round(coalesce(b.cost_usd, 0) + f.cost_usd, 2),
        'restatement_usd', round(f.restatement_usd, 2),
        'price_usd', round(f.price_usd, 2),
        'rule_usd', round(f.rule_usd, 2),
        'causes', coalesce(m.causes, '[]'),
        'series', c.series
    ) as evidence
from found as f
left join before as b
    on f.scope_type = b.scope_type and f.scope_id = b.scope_id and f.month = b.month and f.booked_on = b.booked_on
left join main_causes as m
    on f.scope_type = m.scope_type and f.scope_id = m.scope_id and f.month = m.month and f.booked_on = m.booked_on
left join charts as c
    on f.scope_type = c.scope_type and f.scope_id = c.scope_id and f.month = c.month and f.booked_on = c.booked_on
order by f.booked_on, f.alert_id, f.month
