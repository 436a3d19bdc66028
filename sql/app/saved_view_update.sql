-- another name, link or audience for a view, if nobody has changed it since it was read; else no row
update costpulse.saved_views as v
set
    name = %(name)s,
    query = %(query)s,
    is_shared = %(is_shared)s,
    updated_at = clock_timestamp()
where v.id = %(id)s and v.updated_at = %(seen)s
returning v.id
