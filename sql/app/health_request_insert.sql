-- one row: the number of the new request
insert into costpulse.run_requests (kind, first_day, last_day, requested_by)
values (%(kind)s, %(first)s, %(last)s, %(requested_by)s)
returning id
