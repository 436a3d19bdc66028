-- one row: the closing of a month; a trigger freezes its statement
insert into costpulse.closed_periods (month, closed_at, closed_by, is_automatic, note)
values (%(month)s, %(at)s, %(actor)s, %(is_automatic)s, %(note)s)
