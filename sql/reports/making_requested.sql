-- one row per report that waits to be made
select r.id
from costpulse.reports as r
where r.status = 'requested'
order by r.requested_at, r.id
