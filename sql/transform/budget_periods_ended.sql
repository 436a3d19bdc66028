-- one row per budget and period that is over: as it was then
select
    s.budget_id,
    s.budget_name,
    s.scope_type,
    s.scope_id,
    s.period,
    s.amount,
    s.period_start,
    s.period_end
from costpulse.budget_status as s
where s.state = 'ended'
order by s.budget_id, s.period_start
