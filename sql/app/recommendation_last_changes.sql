-- how recommendations stand that the viewer may see, and who changed each last
with shown as (
    select
        r.id,
        r.title,
        r.status,
        r.decided_at,
        r.decided_by,
        r.assigned_to,
        r.due_date
    from costpulse.recommendations as r
    where r.id = any(%(ids)s::bigint[])
)

select
    s.id,
    s.title,
    s.status,
    s.decided_at,
    s.assigned_to,
    s.due_date,
    coalesce(l.actor, s.decided_by) as actor,
    coalesce(l.changed_at, s.decided_at) as changed_at
from shown as s
left join lateral (
    select
        c.actor,
        c.changed_at
    from costpulse.audit_log as c
    where c.table_name = 'recommendations' and c.row_id = s.id::text
    order by c.id desc
    limit 1
) as l on true
order by s.id
