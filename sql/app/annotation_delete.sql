-- takes a remark away; no row where it is gone, or not the actor's to take: own is what they wrote themselves
delete from costpulse.annotations as a
where
    a.id = %(id)s::bigint
    and (not %(is_own)s or a.author = current_setting('costpulse.actor'))
returning a.id
