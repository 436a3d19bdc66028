-- one report failed; no row: it is no longer being made by this run
update costpulse.reports
set status = 'failed', problem = %(problem)s, finished_at = %(now)s
where id = %(id)s and status = 'running' and run_id = %(run_id)s
returning id
