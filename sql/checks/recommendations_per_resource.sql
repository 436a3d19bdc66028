-- type and resource with more than one recommendation: there must be none
select
    r.type,
    r.workspace_id,
    r.resource_type,
    r.resource_id,
    count(*) as rows_found
from costpulse.recommendations as r
group by r.type, r.workspace_id, r.resource_type, r.resource_id
having count(*) > 1
