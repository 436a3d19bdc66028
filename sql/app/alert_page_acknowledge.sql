-- somebody looks after a finding; a row comes back when nobody did before
update costpulse.alert_history
set
    acknowledged_at = now(),
    acknowledged_by = %(actor)s
where id = %(id)s and acknowledged_at is null
returning id
