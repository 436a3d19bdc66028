-- one row per event of a job, or mainly caused by it, newest first. The id is workspace/job.
with caused as (
    select m.anomaly_id
    from costpulse.anomaly_causes as m
    where m.dimension = 'job' and m.value_id = %(job_scope)s::text and m.is_main
)

select
    a.id,
    a.scope_type,
    a.scope_id,
    a.kind,
    a.severity,
    a.status,
    a.start_date,
    a.last_date,
    a.actual_usd,
    a.impact_usd
from costpulse.anomalies as a
where
    (a.scope_type = 'job' and a.scope_id = %(job_scope)s::text)
    or a.id in (select c.anomaly_id from caused as c)
order by a.start_date desc, a.id asc
limit %(most)s
