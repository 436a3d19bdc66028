-- one row per decision about an event, oldest first
select
    l.changed_at,
    l.actor,
    l.before ->> 'status' as status_before,
    l.after ->> 'status' as status,
    l.before ->> 'reason' as reason_before,
    l.after ->> 'reason' as reason,
    l.after ->> 'resolution' as resolution,
    (l.after ->> 'expected_until')::date as expected_until,
    l.before ->> 'assigned_to' as assigned_before,
    l.after ->> 'assigned_to' as assigned_to
from costpulse.audit_log as l
where l.table_name = 'anomalies' and l.row_id = %(id)s::text
order by l.changed_at, l.id
