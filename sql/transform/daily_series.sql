-- scope x usage_date: cost in USD of everything, every workspace, SKU, product and team (with the teams below it), of
-- jobs, warehouses and all-purpose clusters, and of what carries given tags, from the roll-ups that hold them.
with thirty_days as (
    select
        scope_type,
        scope_id,
        sum(cost_usd) as cost_usd
    from costpulse.daily_resource_costs
    where usage_date between %(first)s and %(last)s and scope_type = any(%(scope_types)s)
    group by scope_type, scope_id, (%(last)s::date - usage_date) / 30
),

-- worth watching alone: those that cost this much in some 30 days of the window
watched as (
    select
        scope_type,
        scope_id
    from thirty_days
    group by scope_type, scope_id
    having max(cost_usd) >= %(minimum_spend)s
),

tagged as (
    select
        t.tag,
        k.key_id
    from unnest(%(tags)s::text[]) as t (tag)
    inner join costpulse.cost_keys as k
        on k.tags ->> split_part(t.tag, '=', 1) = substr(t.tag, strpos(t.tag, '=') + 1)
),

daily as (
    select
        'everything' as scope_type,
        '' as scope_id,
        usage_date,
        cost_usd
    from costpulse.daily_workspace_costs
    where 'everything' = any(%(scope_types)s)
    union all
    select
        'workspace' as scope_type,
        coalesce(workspace_id, '') as scope_id,
        usage_date,
        cost_usd
    from costpulse.daily_workspace_costs
    where 'workspace' = any(%(scope_types)s)
    union all
    select
        'product' as scope_type,
        product as scope_id,
        usage_date,
        cost_usd
    from costpulse.daily_workspace_costs
    where 'product' = any(%(scope_types)s)
    union all
    select
        'sku' as scope_type,
        sku_name as scope_id,
        usage_date,
        cost_usd
    from costpulse.daily_sku_costs
    where 'sku' = any(%(scope_types)s)
    union all
    select
        'team' as scope_type,
        b.scope_team_id::text as scope_id,
        d.usage_date,
        d.cost_usd
    from costpulse.daily_team_costs as d
    inner join costpulse.team_scopes as b on d.team_id = b.team_id
    where 'team' = any(%(scope_types)s)
    union all
    select
        'team' as scope_type,
        'unallocated' as scope_id,
        usage_date,
        cost_usd
    from costpulse.daily_team_costs
    where team_id is null and 'team' = any(%(scope_types)s)
    union all
    select
        r.scope_type,
        r.scope_id,
        r.usage_date,
        r.cost_usd
    from costpulse.daily_resource_costs as r
    inner join watched as w on r.scope_type = w.scope_type and r.scope_id = w.scope_id
    union all
    select
        'tag' as scope_type,
        k.tag as scope_id,
        d.usage_date,
        d.cost_usd
    from tagged as k
    inner join costpulse.daily_key_costs as d on k.key_id = d.key_id
    where 'tag' = any(%(scope_types)s)
)

select
    scope_type,
    scope_id,
    usage_date,
    sum(cost_usd)::double precision as cost_usd
from daily
where usage_date between %(first)s and %(last)s
group by scope_type, scope_id, usage_date
having sum(cost_usd) is not null
order by scope_type, scope_id, usage_date
