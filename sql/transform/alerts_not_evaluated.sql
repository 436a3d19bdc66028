-- one row: alerts that are new, were changed, or were not evaluated for long
select count(*) as alerts
from costpulse.alerts as a
left join costpulse.alert_evaluations as e on a.id = e.alert_id
where
    a.is_active
    and (e.alert_id is null or e.evaluated_at < a.updated_at or e.evaluated_at < %(since)s)
