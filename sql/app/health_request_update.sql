-- what became of a request: the run, or why there is none
update costpulse.run_requests
set
    run_id = %(run_id)s,
    problem = %(problem)s
where id = %(id)s
