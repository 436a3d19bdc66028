-- one row: how many recommendations have each status, and what the open and accepted ones save in 30 days
select
    count(*) filter (where r.status = 'open') as open,
    count(*) filter (where r.status = 'accepted') as accepted,
    count(*) filter (where r.status = 'done') as done,
    count(*) filter (where r.status = 'dismissed') as dismissed,
    count(*) filter (where r.status = 'expired') as expired,
    coalesce(sum(r.estimated_savings) filter (where r.status in ('open', 'accepted')), 0) as savings_usd
from costpulse.recommendations as r
