-- budget x period: where it stood or stands, newest period first
select
    s.budget_id,
    s.budget_name,
    s.scope_type,
    s.scope_id,
    s.amount,
    s.period_start,
    s.period_end,
    s.data_until,
    s.state,
    s.spent_usd,
    s.own_spent_usd,
    s.provisional_usd,
    s.used_share,
    s.elapsed_share,
    s.projected_usd,
    s.lower_bound,
    s.upper_bound,
    s.level,
    s.probability_exceeded,
    s.breach_date,
    s.note
from costpulse.budget_status as s
order by s.budget_id asc, s.period_start desc
