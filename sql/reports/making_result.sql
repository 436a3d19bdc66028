-- one row: what was made of a report
select
    r.file_path,
    r.row_count,
    r.summary,
    r.is_provisional
from costpulse.reports as r
where r.id = %(id)s
