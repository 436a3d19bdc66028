-- one row: what changes when events are judged or decided about, or reports are asked for, made or deleted
select
    (select max(greatest(a.judged_at, a.decided_at, a.gone_at)) from costpulse.anomalies as a) as judged_at,
    (select count(*) from costpulse.anomalies) as anomalies,
    (select max(l.id) from costpulse.audit_log as l where l.table_name = 'anomalies') as decision,
    (select max(greatest(r.requested_at, r.started_at, r.finished_at)) from costpulse.reports as r) as reports_at,
    (select md5(string_agg(r.id || r.status, ',' order by r.id)) from costpulse.reports as r) as report_states,
    (select max(c.updated_at) from costpulse.cluster_info as c) as clusters_at,
    (select count(*) from costpulse.cluster_info) as clusters
