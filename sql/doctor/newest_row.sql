-- one row: the newest usage_date since a day; table and column are named in place of these two
select max(u.usage_date) as newest
from system.billing.usage as u
where u.usage_date >= :since
