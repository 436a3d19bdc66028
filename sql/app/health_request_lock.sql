-- one row: nobody else asks for a run until this transaction ends
select pg_advisory_xact_lock(hashtext('costpulse.run_requests')) as locked
