-- one report that waits is being made from now on; no row: it does not wait
update costpulse.reports
set status = 'running', run_id = %(run_id)s, started_at = %(now)s
where id = %(id)s and status = 'requested'
returning
    id,
    name,
    report_type,
    format,
    period_first,
    period_last,
    team_id,
    team_name,
    options,
    channels,
    run_id
