-- usage_date: cost in USD of one scope, a team with the teams below it; days without any are left out
with below as (
    select s.team_id
    from costpulse.team_scopes as s
    where %(scope_type)s = 'team' and s.scope_team_id::text = %(scope_id)s
),

tagged as (
    select k.key_id
    from costpulse.cost_keys as k
    where
        %(scope_type)s = 'tag'
        and k.tags ->> split_part(%(scope_id)s, '=', 1) = substr(%(scope_id)s, strpos(%(scope_id)s, '=') + 1)
),

daily as (
    select
        d.usage_date,
        d.cost_usd
    from costpulse.daily_workspace_costs as d
    where
        %(scope_type)s = 'everything'
        or (%(scope_type)s = 'workspace' and coalesce(d.workspace_id, '') = %(scope_id)s)
        or (%(scope_type)s = 'product' and d.product = %(scope_id)s)
    union all
    select
        d.usage_date,
        d.cost_usd
    from costpulse.daily_team_costs as d
    where
        d.team_id in (select b.team_id from below as b)
        or (d.team_id is null and %(scope_type)s = 'team' and %(scope_id)s = 'unallocated')
    union all
    select
        d.usage_date,
        d.cost_usd
    from costpulse.daily_sku_costs as d
    where %(scope_type)s = 'sku' and d.sku_name = %(scope_id)s
    union all
    select
        d.usage_date,
        d.cost_usd
    from costpulse.daily_key_costs as d
    where d.key_id in (select t.key_id from tagged as t)
)

select
    d.usage_date,
    sum(d.cost_usd) as cost_usd
from daily as d
where d.usage_date between %(first)s and %(last)s
group by d.usage_date
having sum(d.cost_usd) is not null
order by d.usage_date
