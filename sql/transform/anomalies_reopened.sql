-- What was expected until a day that has passed, and still goes on, is open again
update costpulse.anomalies as a
set
    status = 'open',
    decided_by = 'pipeline',
    decided_at = %(now)s
where a.status = 'expected' and a.end_date is null and a.expected_until < %(today)s
returning a.id
