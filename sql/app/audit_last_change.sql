-- who changed an object last, and when
select
    a.actor,
    a.changed_at,
    a.action
from costpulse.audit_log as a
where a.table_name = %(table)s and a.row_id = %(id)s::text
order by a.id desc
limit 1
