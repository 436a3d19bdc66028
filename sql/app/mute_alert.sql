-- an alert is quiet until then, or speaks again; no row: there is no such alert
update costpulse.alerts as a
set muted_until = %(until)s::timestamptz, version = a.version + 1, updated_at = now()
where a.id = %(id)s
returning a.id
