-- budgets of teams whose own cost, and that of the teams directly below with all below those, is not what was spent
with looked_at as (
    select
        s.budget_id,
        s.period_start,
        s.period_end,
        s.data_until,
        s.spent_usd,
        s.own_spent_usd,
        t.id as team_id
    from costpulse.budget_status as s
    inner join costpulse.teams as t on s.scope_type = 'team' and s.scope_id = t.id::text
    where s.computed_at >= %(since)s
),

below as (
    select
        l.budget_id,
        l.period_start,
        sum(d.cost_usd) as cost_usd
    from looked_at as l
    inner join costpulse.teams as child on l.team_id = child.parent_team_id
    inner join costpulse.team_scopes as b on child.id = b.scope_team_id
    inner join costpulse.daily_team_costs as d
        on b.team_id = d.team_id and d.usage_date between l.period_start and least(l.period_end, l.data_until)
    group by l.budget_id, l.period_start
)

select
    l.budget_id,
    l.period_start,
    l.spent_usd,
    l.own_spent_usd,
    coalesce(b.cost_usd, 0) as below_usd
from looked_at as l
left join below as b on l.budget_id = b.budget_id and l.period_start = b.period_start
where l.spent_usd is distinct from l.own_spent_usd + coalesce(b.cost_usd, 0)
order by l.budget_id, l.period_start
