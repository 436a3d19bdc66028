-- the content of one bundle, as it is sent now
update costpulse.alert_outbox as o
set
    severity = %(severity)s,
    content = %(content)s
where o.id = %(id)s
