-- sets what somebody decided about recommendations whose status allows it; one row per recommendation changed
update costpulse.recommendations as r
set
    status = %(status)s,
    status_reason = %(reason)s,
    dismissed_until = %(until)s,
    dismissed_savings = case when %(status)s = 'dismissed' then r.standalone_savings end,
    done_on = %(done_on)s,
    assigned_to = coalesce(%(assigned_to)s, r.assigned_to),
    due_date = coalesce(%(due_date)s, r.due_date),
    note = coalesce(%(note)s, r.note),
    decided_by = %(actor)s,
    decided_at = clock_timestamp()
where
    r.id = any(%(ids)s::bigint[])
    and r.status = any(%(statuses)s::text[])
    and (r.gone_at is null or not %(must_be_found)s)
returning r.id
