-- sets what somebody decided about events and about what is rolled up under them; one row per event that was changed
update costpulse.anomalies as a
set
    status = %(status)s,
    reason = %(reason)s,
    resolution = %(resolution)s,
    expected_until = %(expected_until)s,
    decided_by = %(actor)s,
    decided_at = clock_timestamp()
where
    a.id = any(%(ids)s::bigint[])
    or a.parent_id = any(%(ids)s::bigint[])
returning a.id
