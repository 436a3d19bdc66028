-- one row: the number of the new person or group
insert into costpulse.viewers (kind, name, role, team_ids)
values (%(kind)s, %(name)s, %(role)s, %(team_ids)s::bigint[])
returning id
