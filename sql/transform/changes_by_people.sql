-- one row: grows with every change of a table that people edit, also with one that was committed out of order
select count(*) as changes
from costpulse.audit_log as a
where a.table_name = %(table)s
