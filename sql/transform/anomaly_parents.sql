-- Sets which event each staged event is shown under, and how severe it is with what is shown under it
update costpulse.anomalies as a
set parent_id = p.anomaly_id, severity = u.severity
from unnest(%(events)s::integer[], %(parents)s::integer[], %(severities)s::text[]) as u (event_no, parent_no, severity)
inner join staged_anomalies as s on u.event_no = s.event_no
left join staged_anomalies as p on u.parent_no = p.event_no
where a.id = s.anomaly_id and (a.parent_id is distinct from p.anomaly_id or a.severity <> u.severity)
