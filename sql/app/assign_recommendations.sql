-- sets who makes the change of recommendations, and by when; one row per recommendation that was changed
update costpulse.recommendations as r
set
    assigned_to = %(assigned_to)s,
    due_date = %(due_date)s
where r.id = any(%(ids)s::bigint[])
returning r.id
