-- one row per change that fits, the newest first: who did what to which object, with the row before and after
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
where
    (%(actor)s::text is null or a.actor = %(actor)s::text)
    and (not %(people_only)s::boolean or a.actor <> 'pipeline')
    and (%(table)s::text is null or a.table_name = %(table)s::text)
    and (%(first)s::date is null or a.changed_at >= %(first)s::date::timestamp at time zone 'UTC')
    and (%(last)s::date is null or a.changed_at < (%(last)s::date + 1)::timestamp at time zone 'UTC')
order by a.changed_at desc, a.id desc
limit %(most)s offset %(skipped)s
