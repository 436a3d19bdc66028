-- one row: the number of the person or group that may not use the app any more
delete from costpulse.viewers as v
where v.id = %(id)s::bigint
returning v.id
