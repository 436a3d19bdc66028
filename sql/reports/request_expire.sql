-- one report: its file is gone
update costpulse.reports
set status = 'expired', file_path = null
where id = %(id)s and status = 'ready'
