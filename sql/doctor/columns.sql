-- no row: the columns of a table, which is named in place of system.billing.usage
select u.*
from system.billing.usage as u
limit 0
