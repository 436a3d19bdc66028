-- the staged runs are built anew
delete from costpulse.job_runs as r
using staged_job_runs as s
where r.workspace_id = s.workspace_id and r.run_id = s.run_id
