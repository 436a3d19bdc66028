-- no row: a comparison and scope whose eight parts do not add up exactly to the difference of its cost in daily_costs,
-- or which has cost there and no bridge
with comparisons as (
    select distinct
        b.comparison,
        b.then_first,
        b.then_last,
        b.now_first,
        b.now_last
    from costpulse.change_bridge as b
),

costs as (
    select
        c.comparison,
        d.workspace_id,
        d.product,
        d.team_id,
        coalesce(sum(d.cost_usd) filter (where d.usage_date between c.then_first and c.then_last), 0) as then_usd,
        coalesce(sum(d.cost_usd) filter (where d.usage_date between c.now_first and c.now_last), 0) as now_usd
    from comparisons as c
    inner join costpulse.daily_costs as d
        on d.usage_date between c.then_first and c.then_last or d.usage_date between c.now_first and c.now_last
    group by c.comparison, d.workspace_id, d.product, d.team_id
),

scoped as (
    select
        c.comparison,
        s.scope_type,
        s.scope_id,
        c.then_usd,
        c.now_usd
    from costs as c
    cross join
        lateral (
            values
            ('everything', ''), ('workspace', coalesce(c.workspace_id, '')), ('product', c.product),
            ('team', case when c.team_id is null then 'unallocated' end)
        ) as s (scope_type, scope_id)
    where s.scope_id is not null
    union all
    select
        c.comparison,
        'team' as scope_type,
        b.scope_team_id::text as scope_id,
        c.then_usd,
        c.now_usd
    from costs as c
    inner join costpulse.team_scopes as b on c.team_id = b.team_id
),

expected as (
    select
        s.comparison,
        s.scope_type,
        s.scope_id,
        sum(s.then_usd) as then_usd,
        sum(s.now_usd) as now_usd
    from scoped as s
    group by s.comparison, s.scope_type, s.scope_id
),

told as (
    select
        b.comparison,
        b.scope_type,
        b.scope_id,
        min(b.then_usd) as then_usd,
        min(b.now_usd) as now_usd,
        sum(b.amount_usd) as parts_usd,
        count(*) as parts
    from costpulse.change_bridge as b
    group by b.comparison, b.scope_type, b.scope_id
)

select
    coalesce(e.comparison, t.comparison) as comparison,
    coalesce(e.scope_type, t.scope_type) as scope_type,
    coalesce(e.scope_id, t.scope_id) as scope_id,
    t.parts_usd,
    e.now_usd - e.then_usd as difference_usd
from expected as e
full join told as t on e.comparison = t.comparison and e.scope_type = t.scope_type and e.scope_id = t.scope_id
where
    t.parts is distinct from 8
    or t.parts_usd is distinct from e.now_usd - e.then_usd
    or t.then_usd is distinct from e.then_usd
    or t.now_usd is distinct from e.now_usd
order by comparison, scope_type, scope_id
limit 20
