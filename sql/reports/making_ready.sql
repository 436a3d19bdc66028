-- one report is ready; no row: it is no longer being made by this run
update costpulse.reports
set
    status = 'ready',
    file_path = %(file_path)s,
    checksum = %(checksum)s,
    size_bytes = %(size_bytes)s,
    row_count = %(row_count)s,
    is_provisional = %(is_provisional)s,
    summary = %(summary)s,
    finished_at = %(now)s,
    expires_at = %(expires_at)s
where id = %(id)s and status = 'running' and run_id = %(run_id)s
returning id
