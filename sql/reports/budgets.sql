-- budget x period that shares days with a period: where it stood or stands, of all budgets or of those of a team and
-- the teams below it; what is most at risk first
select
    s.budget_name,
    s.scope_type,
    case s.scope_type
        when 'everything' then 'Everything'
        when 'team' then coalesce(t.name, initcap(s.scope_id))
        else coalesce(w.name, s.scope_id)
    end as scope,
    s.period_start,
    s.period_end,
    s.data_until,
    s.amount as amount_usd,
    s.spent_usd,
    round(100 * s.spent_usd / s.amount, 6) as used_percent,
    s.projected_usd,
    round(100 * s.probability_exceeded::numeric, 6) as probability_percent,
    s.breach_date,
    s.spent_usd > s.amount or coalesce(s.probability_exceeded >= 0.5, false) as is_at_risk
from costpulse.budget_status as s
left join costpulse.teams as t on s.scope_type = 'team' and s.scope_id = t.id::text
left join costpulse.workspaces as w on s.scope_type = 'workspace' and s.scope_id = w.workspace_id
where
    s.state <> 'future'
    and s.period_start <= %(last)s
    and s.period_end >= %(first)s
    and (
        %(team_id)s::bigint is null
        or (
            s.scope_type = 'team'
            and s.scope_id in (
                select b.team_id::text from costpulse.team_scopes as b where b.scope_team_id = %(team_id)s::bigint
            )
        )
    )
order by
    s.probability_exceeded desc nulls last,
    used_percent desc,
    s.budget_name collate pg_catalog."C" asc,
    s.budget_id asc,
    s.period_start asc
