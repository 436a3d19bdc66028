-- how an event stands that the viewer may see, and who changed that last
with shown as (
    select
        a.id,
        a.status,
        a.decided_at,
        a.decided_by,
        a.assigned_to
    from costpulse.anomalies as a
    where a.id = %(id)s
)

select
    s.status,
    s.decided_at,
    s.assigned_to,
    coalesce(l.actor, s.decided_by) as actor,
    coalesce(l.changed_at, s.decided_at) as changed_at
from shown as s
left join lateral (
    select
        c.actor,
        c.changed_at
    from costpulse.audit_log as c
    where c.table_name = 'anomalies' and c.row_id = s.id::text
    order by c.id desc
    limit 1
) as l on true
