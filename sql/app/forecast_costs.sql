-- usage_date: cost in USD of one scope, a team with the teams below it; days without any are left out
with recursive below as (
    select %(scope_id)s::text as team_id
    where %(scope_type)s = 'team'
    union
    select t.id::text as team_id
    from costpulse.teams as t
    inner join below as b on t.parent_team_id::text = b.team_id
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
    where coalesce(d.team_id::text, 'unallocated') in (select b.team_id from below as b)
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
