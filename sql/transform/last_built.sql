-- one row: the newest day that an asset was built from, and when it was last built; null before the first build
select
    max(b.usage_date) as newest_day,
    max(b.built_at) as built_at
from costpulse.built_days as b
where b.asset = %(asset)s
