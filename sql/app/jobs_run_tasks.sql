-- day x compute that the tasks of a run ran on
select
    t.usage_date,
    t.compute_type,
    t.compute_id,
    t.task_seconds
from costpulse.tasks_of_run(%(id)s, %(run)s) as t
order by t.usage_date, t.compute_type, t.compute_id
