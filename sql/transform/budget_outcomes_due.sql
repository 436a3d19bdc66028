-- one row per scope and period that something was said about and that is over: without an outcome, or so recent that
-- its costs may still be corrected
select distinct
    p.scope_type,
    p.scope_id,
    p.period_start,
    p.period_end
from costpulse.budget_probabilities as p
where p.period_end <= %(data_until)s and (p.final_usd is null or p.period_end >= %(open_since)s)
order by p.scope_type, p.scope_id, p.period_start, p.period_end
