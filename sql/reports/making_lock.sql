-- one row: whether the lock of a report is ours now, to the end of the transaction
select pg_try_advisory_xact_lock(hashtextextended('costpulse.reports', %(id)s)) as is_ours
