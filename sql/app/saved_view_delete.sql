-- deletes a view, if nobody has changed it since it was read; else no row
delete from costpulse.saved_views as v
where v.id = %(id)s and v.updated_at = %(seen)s
returning v.id
