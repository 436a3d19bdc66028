-- one row per asked scope and period, in the order asked: what it cost, exactly, and what a team without those below it
-- cost. What has no price costs nothing here.
with asked as (
    select
        a.scope_type,
        a.scope_id,
        a.first_day,
        a.last_day,
        a.position
    from unnest(
        %(scope_types)s::text[], %(scope_ids)s::text[], %(first_days)s::date[], %(last_days)s::date[]
    ) with ordinality as a (scope_type, scope_id, first_day, last_day, position)
),

-- the days of all periods, added up once: periods are many, and the roll-ups have many rows a day
daily as materialized (
    select
        'everything' as scope_type,
        '' as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd,
        null::numeric as own_cost_usd
    from costpulse.daily_workspace_costs as d
    where
        exists (select from asked as a where a.scope_type = 'everything')
        and d.usage_date >= (select min(a.first_day) from asked as a)
        and d.usage_date <= (select max(a.last_day) from asked as a)
    group by d.usage_date
    union all
    select
        'workspace' as scope_type,
        coalesce(d.workspace_id, '') as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd,
        null::numeric as own_cost_usd
    from costpulse.daily_workspace_costs as d
    where
        coalesce(d.workspace_id, '') in (select a.scope_id from asked as a where a.scope_type = 'workspace')
        and d.usage_date >= (select min(a.first_day) from asked as a)
        and d.usage_date <= (select max(a.last_day) from asked as a)
    group by coalesce(d.workspace_id, ''), d.usage_date
    union all
    select
        'product' as scope_type,
        d.product as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd,
        null::numeric as own_cost_usd
    from costpulse.daily_workspace_costs as d
    where
        d.product in (select a.scope_id from asked as a where a.scope_type = 'product')
        and d.usage_date >= (select min(a.first_day) from asked as a)
        and d.usage_date <= (select max(a.last_day) from asked as a)
    group by d.product, d.usage_date
    union all
    select
        'sku' as scope_type,
        d.sku_name as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd,
        null::numeric as own_cost_usd
    from costpulse.daily_sku_costs as d
    where
        d.sku_name in (select a.scope_id from asked as a where a.scope_type = 'sku')
        and d.usage_date >= (select min(a.first_day) from asked as a)
        and d.usage_date <= (select max(a.last_day) from asked as a)
    group by d.sku_name, d.usage_date
    union all
    select
        'team' as scope_type,
        coalesce(b.scope_team_id::text, 'unallocated') as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd,
        sum(d.cost_usd) filter (where b.scope_team_id is not distinct from d.team_id) as own_cost_usd
    from costpulse.daily_team_costs as d
    left join costpulse.team_scopes as b on d.team_id = b.team_id
    where
        coalesce(b.scope_team_id::text, 'unallocated') in (
            select a.scope_id from asked as a
            where a.scope_type = 'team'
        )
        and d.usage_date >= (select min(a.first_day) from asked as a)
        and d.usage_date <= (select max(a.last_day) from asked as a)
    group by coalesce(b.scope_team_id::text, 'unallocated'), d.usage_date
    union all
    select
        'tag' as scope_type,
        t.tag as scope_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd,
        null::numeric as own_cost_usd
    from (
        select distinct a.scope_id as tag from asked as a
        where a.scope_type = 'tag'
    ) as t
    inner join costpulse.cost_keys as k
        on k.tags ->> split_part(t.tag, '=', 1) = substr(t.tag, strpos(t.tag, '=') + 1)
    inner join costpulse.daily_key_costs as d on k.key_id = d.key_id
    where
        d.usage_date >= (select min(a.first_day) from asked as a)
        and d.usage_date <= (select max(a.last_day) from asked as a)
    group by t.tag, d.usage_date
),

spent as (
    select
        a.position,
        d.cost_usd,
        d.own_cost_usd
    from asked as a
    inner join daily as d
        on a.scope_type = d.scope_type and a.scope_id = d.scope_id and d.usage_date between a.first_day and a.last_day
)

select
    a.position,
    coalesce(sum(s.cost_usd), 0) as cost_usd,
    case when a.scope_type = 'team' then coalesce(sum(s.own_cost_usd), 0) end as own_cost_usd
from asked as a
left join spent as s on a.position = s.position
group by a.position, a.scope_type
order by a.position
