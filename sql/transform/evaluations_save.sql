-- how each of these alerts was evaluated now
insert into costpulse.alert_evaluations (alert_id, evaluated_at, outcome, findings, problem, next_step)
select
    e.alert_id,
    %(now)s as evaluated_at,
    e.outcome,
    e.findings,
    e.problem,
    e.next_step
from
    jsonb_to_recordset(%(evaluations)s::jsonb)
        as e (
            alert_id bigint, outcome text, findings integer, problem text, next_step text
        )
on conflict (alert_id) do update set
    evaluated_at = excluded.evaluated_at,
    outcome = excluded.outcome,
    findings = excluded.findings,
    problem = excluded.problem,
    next_step = excluded.next_step
