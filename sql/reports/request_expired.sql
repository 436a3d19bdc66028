-- one row per report whose file is to be deleted
select
    r.id,
    r.file_path
from costpulse.reports as r
where r.status = 'ready' and r.expires_at <= %(now)s
order by r.id
