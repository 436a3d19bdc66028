-- one row: a change by its number
select
    a.id,
    a.changed_at,
    a.actor,
    a.table_name,
    a.row_id,
    a.action,
    a.before,
    a.after
from costpulse.audit_log as a
where a.id = %(id)s::bigint
