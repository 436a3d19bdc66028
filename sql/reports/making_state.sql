-- one row: where a report stands
select r.status
from costpulse.reports as r
where r.id = %(id)s
