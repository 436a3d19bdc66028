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

-- what the teams directly below a team cost a day, with all below those: periods are many, and share their days
days_below as materialized (
    select
        child.parent_team_id as team_id,
        d.usage_date,
        sum(d.cost_usd) as cost_usd
    from costpulse.teams as child
    inner join costpulse.team_scopes as b on child.id = b.scope_team_id
    inner join costpulse.daily_team_costs as d on b.team_id = d.team_id
    where
        child.parent_team_id in (select l.team_id from looked_at as l)
        and d.usage_date >= (select min(l.period_start) from looked_at as l)
    group by child.parent_team_id, d.usage_date
),

below as (
    select
        l.budget_id,
        l.period_start,
        sum(d.cost_usd) as cost_usd
    from looked_at as l
    inner join days_below as d
        on l.team_id = d.team_id and d.usage_date between l.period_start and least(l.period_end, l.data_until)
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
