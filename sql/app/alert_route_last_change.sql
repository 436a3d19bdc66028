-- who made or took away an alert route last, and when
select
    a.actor,
    a.changed_at
from costpulse.audit_log as a
where a.table_name = 'alert_routes' and a.row_id = %(id)s::text
order by a.id desc
limit 1
