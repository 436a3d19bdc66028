-- one row per day of a daily table that need not be read again over a connection
select r.usage_date
from costpulse.collected_region_days as r
where r.source = %(source)s and r.connection = %(connection)s and r.is_settled
