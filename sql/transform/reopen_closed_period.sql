-- one row: a closing that is taken back; a trigger voids what was booked for it
update costpulse.closed_periods
set
    reopened_at = %(at)s,
    reopened_by = %(actor)s,
    note = nullif(concat_ws(e'\n', note, %(note)s::text), '')
where id = %(closing_id)s
