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

spent as (
    select
        a.position,
        d.cost_usd,
        null::numeric as own_cost_usd
    from asked as a
    inner join costpulse.daily_workspace_costs as d on d.usage_date between a.first_day and a.last_day
    where
        a.scope_type = 'everything'
        or (a.scope_type = 'workspace' and coalesce(d.workspace_id, '') = a.scope_id)
        or (a.scope_type = 'product' and d.product = a.scope_id)
    union all
    select
        a.position,
        d.cost_usd,
        null::numeric as own_cost_usd
    from asked as a
    inner join costpulse.daily_sku_costs as d on d.usage_date between a.first_day and a.last_day
    where a.scope_type = 'sku' and d.sku_name = a.scope_id
    union all
    select
        a.position,
        d.cost_usd,
        case when d.team_id::text = a.scope_id then d.cost_usd end as own_cost_usd
    from asked as a
    inner join costpulse.team_scopes as b on b.scope_team_id::text = a.scope_id
    inner join costpulse.daily_team_costs as d
        on b.team_id = d.team_id and d.usage_date between a.first_day and a.last_day
    where a.scope_type = 'team'
    union all
    select
        a.position,
        d.cost_usd,
        d.cost_usd as own_cost_usd
    from asked as a
    inner join costpulse.daily_team_costs as d
        on d.team_id is null and d.usage_date between a.first_day and a.last_day
    where a.scope_type = 'team' and a.scope_id = 'unallocated'
    union all
    select
        a.position,
        d.cost_usd,
        null::numeric as own_cost_usd
    from asked as a
    inner join costpulse.cost_keys as k
        on k.tags ->> split_part(a.scope_id, '=', 1) = substr(a.scope_id, strpos(a.scope_id, '=') + 1)
    inner join costpulse.daily_key_costs as d
        on k.key_id = d.key_id and d.usage_date between a.first_day and a.last_day
    where a.scope_type = 'tag'
)

select
    a.position,
    coalesce(sum(s.cost_usd), 0) as cost_usd,
    case when a.scope_type = 'team' then coalesce(sum(s.own_cost_usd), 0) end as own_cost_usd
from asked as a
left join spent as s on a.position = s.position
group by a.position, a.scope_type
order by a.position
