-- one row: what changes when recommendations are found, decided about or measured, or units are counted
select
    (select max(greatest(r.found_at, r.gone_at, r.decided_at)) from costpulse.recommendations as r) as changed_at,
    (select count(*) from costpulse.recommendations) as recommendations,
    (select max(l.id) from costpulse.audit_log as l where l.table_name = 'recommendations') as decision,
    (select max(o.measured_at) from costpulse.recommendation_outcomes as o) as measured_at,
    (select max(b.built_at) from costpulse.built_days as b where b.asset = 'unit_costs') as counted_at
