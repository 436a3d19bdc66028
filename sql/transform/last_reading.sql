-- one row: when the source was last looked at for a table over a connection, if that went well
select s.as_of
from costpulse.collection_status as s
where s.source = %(source)s and s.connection = %(connection)s and s.state = 'ok' and s.as_of is not null
