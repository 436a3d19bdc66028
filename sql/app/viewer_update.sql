-- one row: the number of the person or group whose role and teams are changed
update costpulse.viewers as v
set role = %(role)s, team_ids = %(team_ids)s::bigint[], updated_at = clock_timestamp()
where v.id = %(id)s::bigint
returning v.id
