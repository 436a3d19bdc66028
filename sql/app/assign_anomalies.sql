-- sets who looks after events and after what is rolled up under them; one row per event that was changed
update costpulse.anomalies as a
set assigned_to = %(assigned_to)s
where
    a.id = any(%(ids)s::bigint[])
    or a.parent_id = any(%(ids)s::bigint[])
returning a.id
