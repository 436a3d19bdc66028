-- one row per decision about a recommendation the viewer may see, oldest first
select
    l.changed_at,
    l.actor,
    l.before ->> 'status' as status_before,
    l.after ->> 'status' as status,
    l.before ->> 'status_reason' as reason_before,
    l.after ->> 'status_reason' as reason,
    (l.after ->> 'dismissed_until')::date as dismissed_until,
    (l.after ->> 'done_on')::date as done_on,
    l.before ->> 'assigned_to' as assigned_before,
    l.after ->> 'assigned_to' as assigned_to,
    (l.before ->> 'due_date')::date as due_before,
    (l.after ->> 'due_date')::date as due_date,
    l.before ->> 'note' as note_before,
    l.after ->> 'note' as note
from costpulse.audit_log as l
where
    l.table_name = 'recommendations'
    and l.row_id = %(id)s::bigint::text
    and l.row_id in (select r.id::text from costpulse.recommendations as r where r.id = l.row_id::bigint)
order by l.changed_at, l.id
